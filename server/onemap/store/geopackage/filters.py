"""Filters of a view as conditions on a GeoPackage table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from onemap.catalog.model import Field, TableInfo
from onemap.cql import SQLITE, Column, bounds_of, compile_filter
from onemap.geo.crs import Bounds
from onemap.store.base import FeatureQuery, View
from onemap.store.order import beyond
from onemap.store.sql import Sql, compose, identifier

_MEETS = "(maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?)"


def columns_of(table: TableInfo, fields: Iterable[Field]) -> Mapping[str, Column]:
    """Return what a filter may use: the fields, and the geometry under the name of its column."""
    columns = {field.name: Column(identifier(field.name).text, field.type) for field in fields}
    geometry = Column(identifier(table.geometry_column).text, "geometry", table.srid)
    return {table.geometry_column: geometry, **columns}


def conditions(view: View, query: FeatureQuery, rtree: str | None) -> tuple[Sql | None, list[Any]]:
    """Return the view's own condition AND those of a request, with the values; None when there are none.

    The request may use visible columns only. ``rtree``: the table's R-tree, which then narrows a spatial filter. The
    position after which a page begins is a condition where there are sort keys.
    """
    table = view.collection.table
    every = columns_of(table, table.fields)
    parts: list[tuple[str, list[Any]]] = []
    if view.rows is not None:
        parts.append(compile_filter(view.rows, every, SQLITE))
    if query.filter is not None:
        parts.append(compile_filter(query.filter, columns_of(table, view.columns), SQLITE))
        boxes = bounds_of(query.filter, table.geometry_column)
        if rtree is not None and boxes is not None:
            parts.append(_near(table, rtree, boxes))
    if query.after is not None and query.order:
        key = view.collection.key
        own = Column(identifier(key).text, "integer" if key == table.primary_key else "string")
        keyed = {key: own, **every}
        parts.append(compile_filter(beyond(query.order, key, query.after), keyed, SQLITE))
    if not parts:
        return None, []
    return Sql(" AND ".join(text for text, _ in parts)), [value for _, values in parts for value in values]


def _near(table: TableInfo, rtree: str, boxes: list[Bounds]) -> tuple[str, list[Any]]:
    """Return the condition that a feature's box meets one of the boxes."""
    meets = Sql(" OR ".join([_MEETS] * len(boxes)) or "0")
    gaps = {"key": identifier(table.primary_key), "rtree": identifier(rtree), "meets": meets}
    values = [value for box in boxes for value in (box[0], box[2], box[1], box[3])]
    return compose("{key} IN (SELECT id FROM {rtree} WHERE {meets})", **gaps), values
