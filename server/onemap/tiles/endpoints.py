"""The operations of the block as the OpenAPI document shows them, those of a collection spelled out for each."""

from __future__ import annotations

from collections.abc import Sequence

from onemap.block import JSON, Call, Endpoint, Format, Parameter, Reply, Response
from onemap.errors import NotFound
from onemap.store import View
from onemap.tiles import asked
from onemap.tiles.archive.serve import MEDIA_TYPE
from onemap.tiles.params import MVT
from onemap.tiles.routes import TileRoutes

COLLECTION_ID = Parameter("collectionId", {"type": "string"}, "Identifier of a collection.", "path")
TILE_MATRIX = Parameter("tileMatrix", {"type": "string"}, "Identifier of a tile matrix: the zoom level.", "path")
_NUMBER = {"type": "integer", "minimum": 0}
TILE_ROW = Parameter("tileRow", _NUMBER, "Row of the tile, counted from the top.", "path")
TILE_COL = Parameter("tileCol", _NUMBER, "Column of the tile, counted from the left.", "path")
_TILE = (
    Response("A vector tile.", {"type": "string", "format": "binary"}),
    (Response("Nothing is there.", status=204),),
)


def fixed(routes: TileRoutes, every: Sequence[str], names: Sequence[str]) -> tuple[Endpoint, ...]:
    """Return the endpoints that are of no collection; ``every``: the matrix sets, ``names``: those of the dataset."""
    return (
        Endpoint("/tileMatrixSets", routes.matrix_sets, "getTileMatrixSetsList", "Tile matrix sets"),
        Endpoint("/tileMatrixSets/{tileMatrixSetId}", routes.matrix_set, "getTileMatrixSet", "Tile matrix set",
                 parameters=(_matrix_set_id(every),)),
        *_tiles(routes, names, "/tiles", "all.dataset.vector", (), (asked.OF_DATASET, ())),
    )  # fmt: skip


def of_collection(routes: TileRoutes, names: Sequence[str], view: View | None = None) -> tuple[Endpoint, ...]:
    """Return the endpoints: of any collection (a path template), or spelled out for the one of a view."""
    base = f"/collections/{view.collection.id if view else '{collectionId}'}/tiles"
    prefix = f"{view.collection.id if view else 'any'}.collection.vector"
    own = () if view else (COLLECTION_ID,)
    return _tiles(routes, names, base, prefix, own, (asked.OF_COLLECTION, asked.of_properties(view)))


def _tiles(
    routes: TileRoutes,
    names: Sequence[str],
    base: str,
    prefix: str,
    own: tuple[Parameter, ...],
    query: tuple[tuple[Parameter, ...], tuple[Parameter, ...]],
) -> tuple[Endpoint, ...]:
    """Return the endpoints of an origin. Operation ids end as OGC API Tiles asks (/req/oas30/operation-id).

    ``query``: the parameters of tiles and of the documents that describe them, and further ones of tiles.
    """
    tileset = (*own, _matrix_set_id(names))
    described = (*tileset, *query[0])
    asked_of_tile = (*tileset, TILE_MATRIX, TILE_ROW, TILE_COL, *query[0], *query[1])
    response, others = _TILE
    return (
        Endpoint(base, routes.tilesets, f"{prefix}.getTileSetsList", "Tilesets", parameters=own),
        Endpoint(base + "/{tileMatrixSetId}", routes.tileset, f"{prefix}.getTileSet", "Tileset",
                 parameters=described, open_query=True),
        Endpoint(base + "/{tileMatrixSetId}/tilejson.json", routes.tilejson, f"{prefix}.getTileJson",
                 "TileJSON of a tileset on the web Mercator grid", (JSON,), described, open_query=True),
        Endpoint(base + "/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", answered_raw, f"{prefix}.getTile",
                 "Vector tile", (MVT,), asked_of_tile, response=response, others=others, routed=False),
    )  # fmt: skip


def archive(names: Sequence[str], view: View | None = None) -> Endpoint:
    """Return the endpoint of seeded archives."""
    base = f"/collections/{view.collection.id if view else '{collectionId}'}/tiles"
    own = (*(() if view else (COLLECTION_ID,)), _matrix_set_id(names))
    whole = Response("The archive.", {"type": "string", "format": "binary"})
    part = Response("The part of it that Range asks for.", {"type": "string", "format": "binary"}, status=206)
    return Endpoint(
        base + "/{tileMatrixSetId}/archive.pmtiles", answered_raw,
        f"{view.collection.id if view else 'any'}.collection.vector.getArchive",
        "Seeded tiles as one PMTiles file, where the operator has made it", (Format("pmtiles", MEDIA_TYPE),), own,
        response=whole, others=(part,), problems=(416,), routed=False,
    )  # fmt: skip


async def answered_raw(call: Call) -> Reply:
    """Stand for a raw route in the API definition."""
    raise NotFound(f"There is no tile at {call.links.here}.")


def _matrix_set_id(names: Sequence[str]) -> Parameter:
    return Parameter("tileMatrixSetId", {"type": "string", "enum": list(names)}, "Tile matrix set.", "path")
