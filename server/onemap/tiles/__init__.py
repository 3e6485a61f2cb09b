"""OGC API Tiles Part 1 (vector tiles of collections) and OGC Two Dimensional Tile Matrix Set 2.0."""

from __future__ import annotations

from functools import partial

from onemap.block import JSON, Block, Call, Endpoint, Format, Parameter, Principal, RawRoute, Reply, Response
from onemap.block.links import Link, Links, link
from onemap.config import Settings, shipped
from onemap.errors import NotFound
from onemap.security import Gate
from onemap.store import View
from onemap.tiles.app import TileApp
from onemap.tiles.documents import TILESETS_VECTOR
from onemap.tiles.matrixset import load_matrix_sets
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.params import FORMAT, PATTERN
from onemap.tiles.routes import TileRoutes
from onemap.tiles.tilesets import TileSets

__all__ = ["block"]

_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
_TMS = "http://www.opengis.net/spec/tms/2.0/conf/"
CONFORMANCE = (
    _TILES + "core",
    _TILES + "tileset",
    _TILES + "tilesets-list",
    _TILES + "geodata-tilesets",
    _TILES + "mvt",
    _TILES + "oas30",
    _TMS + "tilematrixset",
    _TMS + "tilematrixsetlimits",
    _TMS + "tilesetmetadata",
    _TMS + "json-tilematrixset",
    _TMS + "json-tilematrixsetlimits",
    _TMS + "json-tilesetmetadata",
)
MVT = Format(FORMAT, MEDIA_TYPE)
COLLECTION_ID = Parameter("collectionId", {"type": "string"}, "Identifier of a collection.", "path")
TILE_MATRIX = Parameter("tileMatrix", {"type": "string"}, "Identifier of a tile matrix: the zoom level.", "path")
_NUMBER = {"type": "integer", "minimum": 0}
TILE_ROW = Parameter("tileRow", _NUMBER, "Row of the tile, counted from the top.", "path")
TILE_COL = Parameter("tileCol", _NUMBER, "Column of the tile, counted from the left.", "path")


def block(gate: Gate, settings: Settings) -> Block:
    """Return the Tiles block."""
    tilesets = TileSets(load_matrix_sets(shipped("matrixsets")))
    routes = TileRoutes(gate, tilesets)
    app = TileApp(gate, tilesets, settings)
    names = tuple(tilesets.matrix_sets)
    return Block(
        id="tiles",
        title="OGC API Tiles",
        conformance=CONFORMANCE,
        endpoints=(*_fixed(routes, names), *_of_collection(routes, names)),
        raw=(RawRoute(PATTERN, app, app.ready),),
        landing_links=_landing_links,
        collection_links=_collection_links,
        endpoints_for=partial(_spelled_out, gate, routes, names),
        metrics=app.cache.metrics,
    )


def _fixed(routes: TileRoutes, names: tuple[str, ...]) -> tuple[Endpoint, ...]:
    return (
        Endpoint("/tileMatrixSets", routes.matrix_sets, "getTileMatrixSetsList", "Tile matrix sets"),
        Endpoint("/tileMatrixSets/{tileMatrixSetId}", routes.matrix_set, "getTileMatrixSet", "Tile matrix set",
                 parameters=(_matrix_set_id(names),)),
    )  # fmt: skip


def _of_collection(routes: TileRoutes, names: tuple[str, ...], view: View | None = None) -> tuple[Endpoint, ...]:
    """Return the endpoints: of any collection (a path template), or spelled out for the one of a view.

    Operation ids end as OGC API Tiles asks (/req/oas30/operation-id).
    """
    base = f"/collections/{view.collection.id if view else '{collectionId}'}/tiles"
    prefix = f"{view.collection.id if view else 'any'}.collection.vector"
    own = () if view else (COLLECTION_ID,)
    tileset = (*own, _matrix_set_id(names))
    tile = Response("A vector tile; 204 when nothing is there.", {"type": "string", "format": "binary"})
    return (
        Endpoint(base, routes.tilesets, f"{prefix}.getTileSetsList", "Tilesets", parameters=own),
        Endpoint(base + "/{tileMatrixSetId}", routes.tileset, f"{prefix}.getTileSet", "Tileset", parameters=tileset),
        Endpoint(base + "/{tileMatrixSetId}/tilejson.json", routes.tilejson, f"{prefix}.getTileJson",
                 "TileJSON of the tileset on WebMercatorQuad", (JSON,), tileset),
        Endpoint(base + "/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", _answered_raw, f"{prefix}.getTile",
                 "Vector tile", (MVT,), (*tileset, TILE_MATRIX, TILE_ROW, TILE_COL), response=tile, routed=False),
    )  # fmt: skip


async def _answered_raw(call: Call) -> Reply:
    """Stand for the raw route in the API definition."""
    raise NotFound(f"There is no tile at {call.links.here}.")


def _matrix_set_id(names: tuple[str, ...]) -> Parameter:
    return Parameter("tileMatrixSetId", {"type": "string", "enum": list(names)}, "Tile matrix set.", "path")


def _spelled_out(gate: Gate, routes: TileRoutes, names: tuple[str, ...], principal: Principal) -> list[Endpoint]:
    views = gate.views(principal)
    return [*_fixed(routes, names), *(item for view in views for item in _of_collection(routes, names, view))]


def _landing_links(links: Links) -> list[Link]:
    rel = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
    return [link(links.to("tileMatrixSets", f="json"), rel, JSON.media_type, "Tile matrix sets")]


def _collection_links(links: Links, identifier: str) -> list[Link]:
    return [link(links.to("collections", identifier, "tiles"), TILESETS_VECTOR, JSON.media_type, "Vector tiles")]
