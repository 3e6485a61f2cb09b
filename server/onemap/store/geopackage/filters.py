"""Filters of a view as conditions on a GeoPackage table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pygeofilter import ast

from onemap.catalog.model import Field, TableInfo
from onemap.cql import SQLITE, Column, bounds_of, compile_filter
from onemap.geo.crs import Bounds
from onemap.store.base import View
from onemap.store.sql import Sql, compose, identifier

_MEETS = "(maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?)"


def columns_of(table: TableInfo, fields: Iterable[Field]) -> Mapping[str, Column]:
    """Return what a filter may use: the fields, and the geometry under the name of its column."""
    columns = {field.name: Column(identifier(field.name).text, field.type) for field in fields}
    geometry = Column(identifier(table.geometry_column).text, "geometry", table.srid)
    return {table.geometry_column: geometry, **columns}


def conditions(view: View, condition: ast.Node | None, rtree: str | None) -> tuple[Sql | None, list[Any]]:
    """Return the view's own condition AND that of a request, with the values; None when there is neither.

    The request may use visible columns only. ``rtree``: the table's R-tree, which then narrows a spatial filter.
    """
    table = view.collection.table
    parts: list[tuple[str, list[Any]]] = []
    if view.rows is not None:
        parts.append(compile_filter(view.rows, columns_of(table, table.fields), SQLITE))
    if condition is not None:
        parts.append(compile_filter(condition, columns_of(table, view.columns), SQLITE))
        boxes = bounds_of(condition, table.geometry_column)
        if rtree is not None and boxes is not None:
            parts.append(_near(table, rtree, boxes))
    if not parts:
        return None, []
    return Sql(" AND ".join(text for text, _ in parts)), [value for _, values in parts for value in values]


def _near(table: TableInfo, rtree: str, boxes: list[Bounds]) -> tuple[str, list[Any]]:
    """Return the condition that a feature's box meets one of the boxes."""
    meets = Sql(" OR ".join([_MEETS] * len(boxes)) or "0")
    gaps = {"key": identifier(table.primary_key), "rtree": identifier(rtree), "meets": meets}
    values = [value for box in boxes for value in (box[0], box[2], box[1], box[3])]
    return compose("{key} IN (SELECT id FROM {rtree} WHERE {meets})", **gaps), values
