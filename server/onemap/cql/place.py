"""Geometry literals of a filter, put into x, y of the storage CRS."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import shapely
from pygeofilter import ast, values

from onemap.cql.nodes import BBox, Geometry, Placed, Tree, children
from onemap.errors import InvalidParameter
from onemap.geo.bbox import Box
from onemap.geo.crs import CRS84, Array, Crs, same_plane, transform_xy

_MOST_BOXES = 8
_MOST_PIECES = 4096
_STEP_DEGREES = 0.01
_STEP_METRES = 1000.0
_FARTHEST_METRES = 1e9
_ROUNDING = 1e-9


def place(tree: Tree, given: Crs, storage: Crs) -> Tree:
    """Return the filter with its geometry literals in x, y of ``storage``.

    ``given`` is the CRS of the literals (filter-crs), whose axis order they have. Edges are straight in ``given``:
    where the planes differ, vertices are added, one each 0.01 degrees or 1 km, farther apart on very long edges.
    Heights are passed over. What lies outside the domain of a projected ``storage`` is cut off. Raises
    InvalidParameter for positions that do not exist and for polygons that are not valid.
    """
    if not _any_geometry(tree):
        return tree
    return _rewrite(tree, lambda literal: _placed(literal, given, storage))


def _any_geometry(tree: Tree) -> bool:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Geometry | BBox):
            return True
        waiting += children(node)
    return False


def _rewrite(node: Tree, leaf: Callable[[Any], Placed]) -> Tree:
    if isinstance(node, Geometry | BBox):
        return leaf(node)
    if isinstance(node, list):
        return [_rewrite(item, leaf) for item in node]
    if isinstance(node, ast.Not):
        return ast.Not(_rewrite(node.sub_node, leaf))
    if isinstance(node, ast.Node | values.Interval) and dataclasses.is_dataclass(type(node)):
        parts = {part.name: _rewrite(getattr(node, part.name), leaf) for part in dataclasses.fields(node)}
        return dataclasses.replace(node, **parts)
    return node


def _placed(literal: Geometry | BBox, given: Crs, storage: Crs) -> Placed:
    geometry = _box(literal, given) if isinstance(literal, BBox) else _geometry(literal, given)
    cut = False
    if not same_plane(given, storage):
        geometry = geometry if given.geographic else _moved(geometry, given, CRS84)
        if not storage.geographic:
            geometry, cut = _within_domain(geometry, storage)
            geometry = _moved(geometry, CRS84, storage)
    parts = [part for part in shapely.get_parts(geometry) if not part.is_empty]
    boxed = parts if len(parts) <= _MOST_BOXES else [geometry]
    return Placed(shapely.to_wkb(geometry, byte_order=1), tuple(part.bounds for part in boxed), cut)


def _geometry(literal: Geometry, given: Crs) -> shapely.Geometry:
    geometry = shapely.force_2d(shapely.from_geojson(orjson.dumps(literal.geometry)))
    if given.swapped:
        geometry = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    _check_range(np.asarray(shapely.get_coordinates(geometry)), given)
    if not shapely.is_valid(geometry):
        reason = shapely.is_valid_reason(geometry)
        raise InvalidParameter(f"The filter holds a geometry that is not valid: {reason}.", "Repair it first.")
    return geometry


def _box(literal: BBox, given: Crs) -> shapely.Geometry:
    numbers = literal.numbers
    low, high = (numbers[:2], numbers[2:]) if len(numbers) == 4 else (numbers[:2], numbers[3:5])
    if given.swapped:
        low, high = low[::-1], high[::-1]
    _check_range(np.array([low, high]), given)
    if low[1] > high[1]:
        raise InvalidParameter("The filter holds a BBOX whose lower corner is above its upper corner.")
    parts = [_rectangle(*part) for part in Box((low[0], low[1], high[0], high[1]), given).parts()]
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _rectangle(low_x: float, low_y: float, high_x: float, high_y: float) -> shapely.Geometry:
    """Return a box; a line or a point when it has no width or no height."""
    if low_x < high_x and low_y < high_y:
        return shapely.box(low_x, low_y, high_x, high_y)
    if (low_x, low_y) == (high_x, high_y):
        return shapely.Point(low_x, low_y)
    return shapely.LineString([(low_x, low_y), (high_x, high_y)])


def _check_range(xy: Array, given: Crs) -> None:
    """Refuse longitudes and latitudes that do not exist, and eastings and northings beyond any plane."""
    if not given.geographic:
        if (np.abs(xy) > _FARTHEST_METRES).any():
            raise InvalidParameter(f"The filter holds a position outside the reach of {given.uri}.")
        return
    wrong = (np.abs(xy) > np.array([180.0, 90.0]) + _ROUNDING).any(axis=1)
    if wrong.any():
        lon, lat = xy[int(np.argmax(wrong))].tolist()
        order = "latitude, longitude" if given.swapped else "longitude, latitude"
        raise InvalidParameter(
            f"The filter holds a position that does not exist: longitude {lon}, latitude {lat}.",
            f"Positions are written as {order} ({given.uri}).",
        )


def _within_domain(geometry: shapely.Geometry, storage: Crs) -> tuple[shapely.Geometry, bool]:
    """Return the part of a geometry (longitude, latitude) inside the domain of a CRS, and whether it is only a part."""
    domain = shapely.box(*storage.domain)
    if shapely.covers(domain, geometry):
        return geometry, False
    dimension = shapely.get_dimensions(geometry)
    parts = shapely.get_parts(shapely.intersection(geometry, domain))
    kept = [part for part in parts if shapely.get_dimensions(part) == dimension or geometry.geom_type.startswith("Geo")]
    return (kept[0] if len(kept) == 1 else shapely.union_all(kept)), True


def _moved(geometry: shapely.Geometry, source: Crs, target: Crs) -> shapely.Geometry:
    """Return a geometry with its edges densified in ``source`` and its vertices in ``target``."""
    step = max(_STEP_DEGREES if source.geographic else _STEP_METRES, shapely.length(geometry) / _MOST_PIECES)
    dense = shapely.segmentize(geometry, step) if not geometry.is_empty else geometry
    moved = shapely.transform(dense, lambda xy: transform_xy(xy, source, target))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InvalidParameter(f"The filter holds a position outside the reach of {source.uri} or {target.uri}.")
    return moved
