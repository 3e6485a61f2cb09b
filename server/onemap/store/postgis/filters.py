"""Filters of a view as conditions of PostgreSQL: the one place that knows how onemap.cql writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import sql

from onemap.catalog.model import Field
from onemap.cql import POSTGIS, Column, compile_filter
from onemap.cql.dialects import named
from onemap.cql.nodes import Tree
from onemap.store.postgis.relation import Relation


def columns_of(relation: Relation, fields: Iterable[Field]) -> Mapping[str, Column]:
    """Return what a filter may use: the fields, and the geometry under the name of its column."""
    columns = {field.name: Column(_text(relation.columns[field.name].compare()), field.type) for field in fields}
    geometry = Column(_text(sql.Identifier("t", relation.geometry_column)), "geometry", relation.srid)
    return {relation.geometry_column: geometry, **columns}


def sort_columns(relation: Relation, names: Iterable[str]) -> Mapping[str, Column]:
    """Return columns as they are sorted by."""
    found = {name: relation.columns[name] for name in names}
    return {name: Column(_text(column.sort()), column.kind) for name, column in found.items()}


def compile_condition(node: Tree, columns: Mapping[str, Column], prefix: str) -> tuple[sql.Composable, dict[str, Any]]:
    """Return the condition and its values, named ``<prefix>0``, ``<prefix>1``, ...

    Raises InvalidParameter for a property that is not among the columns.
    """
    text, values = named(*compile_filter(node, columns, POSTGIS), prefix)
    # Written by the compiler from templates of its own, quoted names and placeholders.
    return sql.SQL(text), values


def _text(expression: sql.Composable) -> str:
    # The compiler doubles the percent signs of names itself.
    return expression.as_string(None).replace("%%", "%")
