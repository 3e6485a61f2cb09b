"""OGC API Tiles Part 1 (vector tiles of collections and of the dataset) and OGC Tile Matrix Set 2.0."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from onemap.block import JSON, Block, Endpoint, Principal, RawRoute
from onemap.block.links import Link, Links, link
from onemap.config import Settings, shipped
from onemap.errors import Unavailable
from onemap.security import Gate
from onemap.tiles import endpoints, wmts
from onemap.tiles.app import TileApp
from onemap.tiles.archive import serve
from onemap.tiles.archive.serve import ArchiveApp
from onemap.tiles.documents import TILESETS_VECTOR
from onemap.tiles.matrixset import load_matrix_sets
from onemap.tiles.national import with_national
from onemap.tiles.pack.source import Packs
from onemap.tiles.params import PATTERN
from onemap.tiles.routes import TileRoutes
from onemap.tiles.tilesets import Source, TileSets

__all__ = ["block"]

_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
_TMS = "http://www.opengis.net/spec/tms/2.0/conf/"
CONFORMANCE = (
    _TILES + "core",
    _TILES + "tileset",
    _TILES + "tilesets-list",
    _TILES + "dataset-tilesets",
    _TILES + "geodata-tilesets",
    _TILES + "collections-selection",
    _TILES + "datetime",
    _TILES + "mvt",
    _TILES + "oas30",
    _TMS + "tilematrixset",
    _TMS + "tilematrixsetlimits",
    _TMS + "tilesetmetadata",
    _TMS + "json-tilematrixset",
    _TMS + "json-tilematrixsetlimits",
    _TMS + "json-tilesetmetadata",
)


def block(gate: Gate, settings: Settings) -> Block:
    """Return the Tiles block."""
    tilesets = TileSets(with_national(load_matrix_sets(shipped("matrixsets"))))
    packs = Packs(settings.packs.folder)
    routes = TileRoutes(gate, tilesets, settings, packs)
    names = tuple(tilesets.matrix_sets)
    tiles = TileApp(gate, tilesets, settings, packs)
    return Block(
        id="tiles",
        title="OGC API Tiles",
        conformance=CONFORMANCE,
        endpoints=(
            *endpoints.fixed(routes, names, names),
            *endpoints.of_collection(routes, names),
            endpoints.archive(names),
        ),
        raw=(
            RawRoute(PATTERN, tiles, tiles.ready),
            RawRoute(serve.PATTERN, ArchiveApp(gate, settings.tiles.folder, settings.zone)),
            RawRoute(wmts.PATTERN, wmts.WmtsApp(gate, tilesets, settings, tiles)),
        ),
        landing_links=_landing_links,
        collection_links=_collection_links,
        endpoints_for=partial(_spelled_out, gate, routes, tilesets),
        metrics=tiles.cache.metrics,
    )


def _spelled_out(gate: Gate, routes: TileRoutes, tilesets: TileSets, principal: Principal) -> list[Endpoint]:
    """Return the endpoints with the matrix sets and collections that there are for a principal. Blocks."""
    sources = [(view, gate.store(view)) for view in gate.views(principal)]
    every = tuple(tilesets.matrix_sets)
    made = [*endpoints.fixed(routes, every, _names(tilesets, sources, whole=True))]
    for source in sources:
        made += endpoints.of_collection(routes, _names(tilesets, [source]), source[0])
        made.append(endpoints.archive(every, source[0]))
    return made


def _names(tilesets: TileSets, sources: Sequence[Source], *, whole: bool = False) -> tuple[str, ...]:
    """Return the matrix sets on which there are tiles; all of them while that cannot be known."""
    try:
        found = tilesets.every(sources, whole=whole)
    except Unavailable:
        found = []
    return tuple(item.matrix_set.id for item in found) or tuple(tilesets.matrix_sets)


def _landing_links(links: Links) -> list[Link]:
    schemes = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
    return [
        link(links.to("tiles"), TILESETS_VECTOR, JSON.media_type, "Vector tiles of all collections"),
        link(links.to("tileMatrixSets", f="json"), schemes, JSON.media_type, "Tile matrix sets"),
        link(
            links.to("wmts", "1.0.0", "WMTSCapabilities.xml"), "related", "application/xml", "WMTS 1.0.0 capabilities"
        ),
    ]


def _collection_links(links: Links, identifier: str) -> list[Link]:
    return [link(links.to("collections", identifier, "tiles"), TILESETS_VECTOR, JSON.media_type, "Vector tiles")]
