"""Tile matrix sets of Chinese practice that are made by rule: the CGCS2000 3-degree zones, and Tianditu's numbering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from onemap.geo.crs import EPSG
from onemap.geo.gauss_kruger import zone_of
from onemap.tiles.matrixset import TileMatrix, TileMatrixSet, TileMatrixSetDocument, made_of

THREE_DEGREE_ZONES = range(4513, 4555)
"""EPSG codes of the 3-degree Gauss-Kruger zones: 4513-4533 with the zone number in the easting, 4534-4554 without."""
_FIRST_WITHOUT_PREFIX = 4534
_PIXEL = 0.00028
_TILE = 256
# Level n has the scale of level n of WebMercatorQuad, so that one style suits both; level 1 is a single tile.
_CELL_OF_LEVEL_0 = 156543.03392804097
_GK_LEVELS = range(1, 25)
_TIANDITU = {
    "CGCS2000Quad": ("TiandituCGCS2000", "天地图经纬度（c） / Tianditu, geographic (c)", 1),
    "WebMercatorQuad": ("TiandituWebMercator", "天地图球面墨卡托（w） / Tianditu, web Mercator (w)", 0),
}


def gauss_kruger_documents() -> Iterator[TileMatrixSetDocument]:
    """Yield the tile matrix set of each 3-degree zone.

    The grid is square and centred where the central meridian crosses the equator. The axes are the authority's: north,
    then east; scale denominators are those of 0.28 mm pixels (OGC 17-083r4, clause 6.2).
    """
    for srid in THREE_DEGREE_ZONES:
        zone = zone_of(srid)
        assert zone is not None
        meridian = int(zone.central_meridian)
        if srid < _FIRST_WITHOUT_PREFIX:
            name, title = f"Zone{meridian // 3}", f"zone {meridian // 3}"
        else:
            name, title = f"CM{meridian}E", f"CM {meridian}E"
        half = _CELL_OF_LEVEL_0 * _TILE / 4
        origin = (half, zone.false_easting - half)
        yield TileMatrixSetDocument(
            id=f"CGCS2000GK3{name}",
            title=f"CGCS2000 / 3-degree Gauss-Kruger {title}",
            description="Level n has the scale of level n of WebMercatorQuad. Made for data within 10 degrees of the "
            "central meridian.",
            crs=f"{EPSG}{srid}",
            orderedAxes=("N", "E"),
            tileMatrices=tuple(_gauss_kruger_matrix(level, origin) for level in _GK_LEVELS),
        )


def _gauss_kruger_matrix(level: int, origin: tuple[float, float]) -> TileMatrix:
    cell = _CELL_OF_LEVEL_0 / 2**level
    return TileMatrix(
        id=str(level),
        scaleDenominator=cell / _PIXEL,
        cellSize=cell,
        pointOfOrigin=origin,
        tileWidth=_TILE,
        tileHeight=_TILE,
        matrixWidth=2 ** (level - 1),
        matrixHeight=2 ** (level - 1),
    )


def tianditu_set(base: TileMatrixSet) -> TileMatrixSet | None:
    """Return the set that numbers the levels of a base as Tianditu does; None for a base that Tianditu does not know.

    Tianditu counts from 1. Level L of its geographic grid has 2^L x 2^(L-1) tiles: it is level L - 1 of CGCS2000Quad.
    Level L of its Mercator grid is level L of WebMercatorQuad.
    """
    if base.id not in _TIANDITU:
        return None
    identifier, title, shift = _TIANDITU[base.id]
    numbers = {level: str(int(level) + shift) for level in base.levels if int(level) + shift >= 1}
    matrices = [item for item in base.document["tileMatrices"] if item["id"] in numbers]
    document = TileMatrixSetDocument(
        id=identifier,
        title=title,
        description=f"The grid of {base.id}, numbered as Tianditu numbers it. Scale denominators are those of 0.28 mm "
        "pixels; Tianditu itself prints those of 96 dpi.",
        crs=base.document["crs"],
        orderedAxes=base.document["orderedAxes"],
        tileMatrices=tuple(TileMatrix(**{**item, "id": numbers[item["id"]]}) for item in matrices),
    )
    levels = {number: base.levels[level] for level, number in numbers.items()}
    return replace(made_of(document, identifier), levels=MappingProxyType(levels), same_as=base)


def with_national(sets: Mapping[str, TileMatrixSet]) -> Mapping[str, TileMatrixSet]:
    """Return the sets of a folder and those made by rule; a document of the folder goes before a rule."""
    numbered = [tianditu_set(base) for base in sets.values()]
    zones = [made_of(document, document.id) for document in gauss_kruger_documents() if document.id not in sets]
    ruled = {item.id: item for item in (*numbered, *zones) if item and item.id not in sets}
    return MappingProxyType({**sets, **ruled})
