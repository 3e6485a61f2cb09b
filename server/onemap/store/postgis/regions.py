"""The box of a request as a condition on the geometry column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from psycopg import sql

from onemap.geo.bbox import Box, regions
from onemap.geo.crs import Bounds, Crs, same_plane
from onemap.store.postgis.relation import Relation

_RECTANGLE = sql.SQL("({geom} && {area} AND ({geom} @ {inner} OR ST_Intersects({geom}, {area})))")
_POLYGON = sql.SQL("ST_Intersects({geom}, {area})")
_SHAPE = sql.SQL("ST_GeomFromWKB({wkb}, {srid})")


@dataclass(frozen=True, slots=True)
class Where:
    """Where features are to be: the kinds of the areas (True: a rectangle), and the values that describe them.

    ``everything``: every row is there, also one without geometry.
    """

    rectangles: tuple[bool, ...]
    values: dict[str, Any]
    everything: bool = False


def box_condition(box: Box, storage: Crs, extent: Bounds | None) -> Where:
    """Return where the features that intersect a box are, the same as in the GeoPackage store.

    ``extent``: the bounds of all features (x, y in ``storage``), None when there are none.
    """
    areas = regions(box, storage, extent)
    if extent is not None and any(area.rectangle and _holds(area.bounds, extent) for area in areas):
        return Where((), {}, everything=True)
    values: dict[str, Any] = {}
    for at, area in enumerate(areas):
        values[f"area{at}"] = shapely.to_wkb(area.polygon)
        if area.rectangle:
            values[f"inner{at}"] = shapely.to_wkb(shapely.box(*shrunk(area.bounds)))
    return Where(tuple(area.rectangle for area in areas), values)


def area_condition(where: Where, relation: Relation) -> sql.Composable | None:
    """Return the condition on the geometry column; None where there is none to make. Its values are bound by name."""
    if where.everything:
        return None
    parts = [
        (_RECTANGLE if rectangle else _POLYGON).format(
            geom=relation.geometry, area=_shape(f"area{at}", relation), inner=_shape(f"inner{at}", relation)
        )
        for at, rectangle in enumerate(where.rectangles)
    ]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts)) if parts else sql.SQL("FALSE")


def _shape(name: str, relation: Relation) -> sql.Composable:
    return _SHAPE.format(wkb=sql.Placeholder(name), srid=sql.Literal(relation.srid))


def shrunk(bounds: Bounds) -> Bounds:
    """Return a box inside the bounds that single precision cannot bring back to their edge.

    PostGIS compares boxes in single precision rounded outwards: a feature whose box is inside this one is
    certainly inside the bounds. Where nothing is left the box is empty of features, far away.
    """
    low = _step(_step(np.array(bounds[:2], np.float32), np.inf), np.inf)
    high = _step(_step(np.array(bounds[2:], np.float32), -np.inf), -np.inf)
    if (low >= high).any():
        return (1e30, 1e30, 1e30, 1e30)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _step(values: NDArray[np.float32], towards: float) -> NDArray[np.float32]:
    return np.asarray(np.nextafter(values, np.float32(towards)))


def whole_box(box: Box, storage: Crs) -> Bounds | None:
    """Return bounds for ``box_condition`` where the extent is not known: those of the box itself, or None."""
    parts = box.parts()
    if not same_plane(box.crs, storage) or not parts:
        return None
    return (
        min(part[0] for part in parts), min(part[1] for part in parts),
        max(part[2] for part in parts), max(part[3] for part in parts),
    )  # fmt: skip


def _holds(bounds: Bounds, extent: Bounds) -> bool:
    return bounds[0] <= extent[0] and bounds[1] <= extent[1] and bounds[2] >= extent[2] and bounds[3] >= extent[3]
