"""CQL2 (OGC 21-065r2): text and JSON to one tree, its types, and its compilation to SQL with bound parameters.

A request's filter goes ``parse_text`` or ``parse_json`` -> ``check`` -> ``place`` -> ``compile_filter``; ``bounds_of``
tells where a spatial index may look. ``register`` readies a SQLite connection.
"""

from onemap.cql.bounds import bounds_of
from onemap.cql.check import check
from onemap.cql.columns import Column, ColumnType
from onemap.cql.conformance import CONFORMANCE, CQL2
from onemap.cql.dialects import POSTGIS, SQLITE, Dialect
from onemap.cql.functions import FUNCTIONS, describe_functions
from onemap.cql.nodes import Tree
from onemap.cql.place import place
from onemap.cql.read_json import parse_json
from onemap.cql.read_text import parse_text
from onemap.cql.register import register
from onemap.cql.sql import compile_filter
from onemap.cql.tree import (
    Literal,
    all_of,
    any_of,
    at_least,
    at_most,
    contains_text,
    equals,
    is_null,
    one_of,
    starts_with,
)
from onemap.cql.write_json import write_json
from onemap.cql.write_text import write_text

__all__ = [
    "CONFORMANCE",
    "CQL2",
    "FUNCTIONS",
    "POSTGIS",
    "SQLITE",
    "Column",
    "ColumnType",
    "Dialect",
    "Literal",
    "Tree",
    "all_of",
    "any_of",
    "at_least",
    "at_most",
    "bounds_of",
    "check",
    "compile_filter",
    "contains_text",
    "describe_functions",
    "equals",
    "is_null",
    "one_of",
    "parse_json",
    "parse_text",
    "place",
    "register",
    "starts_with",
    "write_json",
    "write_text",
]
