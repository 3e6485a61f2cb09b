"""The parameters that select features: filter, filter-lang, filter-crs, q, and one for each queryable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from pygeofilter import ast

from onemap.block import Call, Parameter
from onemap.block.query import shorten
from onemap.catalog import Field
from onemap.cql import (
    Column,
    Literal,
    Tree,
    all_of,
    any_of,
    check,
    contains_text,
    equals,
    parse_json,
    parse_text,
    place,
)
from onemap.errors import InvalidParameter, did_you_mean
from onemap.geo.crs import Crs
from onemap.query.crs import parse_crs
from onemap.query.temporal import parse_time
from onemap.store import View

LANGUAGES = {"cql2-text": parse_text, "cql2-json": parse_json}
MOST_TERMS = 10
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME = re.compile(_DATE.pattern + r"T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_EXAMPLES = {
    "boolean": "Use true or false.",
    "date": "For example 2025-12-31.",
    "datetime": "For example 2025-12-31T00:00:00Z.",
}
FILTER = Parameter(
    "filter",
    {"type": "string"},
    "A condition in CQL2 on the queryables, for example `DLBM LIKE '01%' AND S_INTERSECTS(geom, BBOX(113,30,114,31))`.",
)
FILTER_LANG = Parameter(
    "filter-lang",
    {"type": "string", "enum": list(LANGUAGES), "default": "cql2-text"},
    "Language of `filter`: CQL2 text or CQL2 JSON.",
)
FILTER_CRS = Parameter(
    "filter-crs",
    {"type": "string", "format": "uri"},
    "CRS of the geometries in `filter`, one of the collection's `crs` list, in the axis order of its authority; "
    "default CRS84: longitude, latitude.",
)
Q = Parameter(
    "q",
    {"type": "array", "items": {"type": "string"}},
    "Only features with one of these texts (separated by commas) in a text property; case does not matter.",
)
PARAMETERS = (FILTER, FILTER_LANG, FILTER_CRS, Q)


def parse_conditions(call: Call, view: View, reserved: tuple[str, ...]) -> ast.Node | None:
    """Return the filter for the features that a request asks for, its box apart; None for all.

    ``reserved``: parameters that mean something else, even where a queryable has their name. Raises InvalidParameter
    or UnknownCrs.
    """
    given = [*parse_properties(call, view, reserved), parse_q(call, view), parse_filter(call, view)]
    return all_of([parse_time(call, view), *given])


def queryables(view: View) -> dict[str, Field | None]:
    """Return what a filter may name: the fields that hold comparable values, and the geometry (None)."""
    fields: dict[str, Field | None] = {field.name: field for field in view.columns if field.type != "binary"}
    return {view.collection.table.geometry_column: None, **fields}


def parse_filter(call: Call, view: View) -> Tree | None:
    """Return the filter of a request, checked against the queryables, geometries in x, y of the storage CRS.

    OGC 19-079r2, /req/filter/filter-param, filter-lang-param, filter-crs-param. Raises InvalidParameter, UnknownCrs.
    """
    text, given = call.one("filter"), parse_crs(call, view, "filter-crs")
    language = call.one("filter-lang") or "cql2-text"
    if language not in LANGUAGES:
        raise InvalidParameter(f"'filter-lang' is '{shorten(language)}'.", did_you_mean(language, LANGUAGES))
    return None if text is None else checked_filter(text, view, given, language)


def checked_filter(text: str, view: View, given: Crs, language: str = "cql2-text") -> Tree:
    """Return a filter, checked; ``given``: the CRS of its geometries. Raises InvalidParameter."""
    columns = {
        name: Column(name, "geometry" if field is None else field.type) for name, field in queryables(view).items()
    }
    return place(check(LANGUAGES[language](text), columns), given, view.collection.storage)


def parse_q(call: Call, view: View) -> ast.Node | None:
    """Return the filter for features with one of the terms of ``q`` in a text property. Raises InvalidParameter."""
    text = call.one("q")
    return None if text is None else text_search(text, view)


def text_search(text: str, view: View) -> ast.Node:
    """Return the filter for features with one of the terms, separated by commas, in a text property."""
    terms = [" ".join(term.split()) for term in text.split(",") if term.strip()]
    if not terms or len(terms) > MOST_TERMS:
        raise InvalidParameter(f"'q' has {len(terms)} terms; 1 to {MOST_TERMS} are read.", "For example q=水田,旱地.")
    names = [field.name for field in view.columns if field.type == "string"]
    if not names:
        raise InvalidParameter(f"'q' finds nothing: '{view.collection.id}' has no text properties.")
    return any_of(contains_text(name, term) for term in terms for name in names)


def parse_properties(call: Call, view: View, reserved: tuple[str, ...]) -> list[ast.Node]:
    """Return a filter for each queryable that is a parameter (/req/queryables-query-parameters/parameters)."""
    given = [field for field in queryables(view).values() if field and field.name in call.query]
    return [
        equals(item.name, parse_value(call.one(item.name) or "", item)) for item in given if item.name not in reserved
    ]


def parse_value(text: str, field: Field) -> Literal:
    """Return the text as a value of the field's type. Raises InvalidParameter."""
    kind = field.type
    if kind == "integer" and _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "string":
        return _text(text, field)
    moment = _moment(text) if kind in ("date", "datetime") else None
    if moment is None or isinstance(moment, datetime) is not (kind == "datetime"):
        raise InvalidParameter(f"'{field.name}' is of type {kind}; '{shorten(text)}' is not.", _EXAMPLES.get(kind, ""))
    return moment


def _text(text: str, field: Field) -> str:
    """Return a text that the schema of the queryable allows. Raises InvalidParameter."""
    if field.codes and text not in field.codes.titles:
        raise InvalidParameter(
            f"'{field.name}' knows no code '{shorten(text)}'.", did_you_mean(text[:40], field.codes.titles)
        )
    if field.max_length and len(text) > field.max_length:
        raise InvalidParameter(f"'{field.name}' has at most {field.max_length} characters.")
    return text


def _moment(text: str) -> date | datetime | None:
    """Return a date, or a date-time with its zone as RFC 3339 writes them."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text.upper()).astimezone(UTC) if _DATETIME.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None
