"""PostgreSQL and PostGIS: parameters ``%s`` for psycopg, a literal % doubled.

Needs a UTF-8 database, the collation und-x-icu, and sessions whose time zone is UTC where a column is a timestamp
without zone. Arithmetic beyond the range of double precision raises an error of SQLSTATE class 22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pygeofilter import ast

from onemap.cql.columns import Column, Kind
from onemap.cql.dialects.base import Piece, fill, listed
from onemap.cql.folding import marks_class
from onemap.cql.nodes import IntDiv, Mod, Placed, Pow
from onemap.cql.patterns import as_like

_TYPES: Mapping[Kind, str] = {
    "string": "%s::text",
    "integer": "%s::bigint",
    "number": "%s::numeric",
    "boolean": "%s::boolean",
    "date": "%s::date",
    "datetime": "%s::timestamptz",
}
_MARK = re.compile("%%|%s")
_ICU = 'COLLATE "und-x-icu"'
_LOWER, _UPPER = f"lower({{}} {_ICU})", f"upper({{}} {_ICU})"
_CASEI = f"replace(lower(upper(lower({{}} {_ICU}) {_ICU}) {_ICU}), 'ς', 'σ')"
_ACCENTI = "normalize(regexp_replace(normalize({}, NFD), {}, '', 'g'), NFC)"
_WHOLE = "({}::numeric %s {}::numeric)"
_REAL = "({}::double precision %s {}::double precision)"
_QUOTIENT = "nullif({}::numeric, 0)"
_PAIR = "(SELECT CASE WHEN %s END FROM (SELECT {}::double precision AS x, {}::double precision AS y) AS pair)"
_IN_UTC = "({}::timestamptz AT TIME ZONE 'UTC')"
_ROUND = "(SELECT sign(x) * floor(abs(x) + 0.5) FROM (SELECT {}::double precision AS x) AS one)"
_STAMP = (
    """to_jsonb(regexp_replace(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\\.?0+$', '') || 'Z')"""
)
# The names of the inner rows must not hide columns of the table.
_MISSING = (
    "NOT EXISTS (SELECT 1 FROM jsonb_array_elements({}) AS cql_items(cql_item)"
    " WHERE cql_item NOT IN (SELECT jsonb_array_elements({})))"
)
_COMMON = (
    "EXISTS (SELECT 1 FROM jsonb_array_elements({}) AS cql_items(cql_item)"
    " WHERE cql_item IN (SELECT jsonb_array_elements({})))"
)
_IS_ARRAY = "jsonb_typeof({}) = 'array'"


class PostGIS:
    """The dialect of PostgreSQL 13 and later with PostGIS 3."""

    true = "TRUE"
    false = "FALSE"
    functions: Mapping[str, str] = {
        "lower": _LOWER,
        "upper": _UPPER,
        "trim": "btrim({}, ' ')",
        "concat": "({} || {})",
        "length": "char_length({})",
        "char_length": "char_length({})",
        "abs": "abs({})",
        "round": _ROUND,
        "floor": "floor({})",
        "ceil": "ceil({})",
        "year": "extract(year FROM {})",
        "month": "extract(month FROM {})",
        "day": "extract(day FROM {})",
    }
    arithmetic: Mapping[tuple[type[ast.Node], bool], str] = {
        **{(kind, True): _WHOLE.replace("%s", op) for kind, op in ((ast.Add, "+"), (ast.Sub, "-"), (ast.Mul, "*"))},
        **{(kind, False): _REAL.replace("%s", op) for kind, op in ((ast.Add, "+"), (ast.Sub, "-"), (ast.Mul, "*"))},
        (ast.Div, False): "({}::double precision / nullif({}::double precision, 0))",
        (IntDiv, True): f"div({{}}::numeric, {_QUOTIENT})",
        (IntDiv, False): _PAIR.replace("%s", "y <> 0 THEN trunc(x / y)"),
        (Mod, True): f"mod({{}}::numeric, {_QUOTIENT})",
        (Mod, False): _PAIR.replace("%s", "y <> 0 THEN x - y * trunc(x / y)"),
        (Pow, False): _PAIR.replace("%s", "(x = 0 AND y < 0) OR (x < 0 AND y <> floor(y)) THEN NULL ELSE power(x, y)"),
    }

    def column(self, column: Column) -> Piece:
        return Piece(column.sql.replace("%", "%%"), (), column.type)

    def literal(self, value: str | float | date, kind: Kind) -> Piece:
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        return Piece(_TYPES[kind], (exact,), kind)

    def day(self, instant: Piece) -> Piece:
        return fill(_IN_UTC + "::date", instant, kind="date")

    def ordered(self, text: Piece) -> Piece:
        return fill('{} COLLATE "C"', text, kind="string")

    def fold(self, accents: bool, text: Piece) -> Piece:
        if not accents:
            return fill(_CASEI, text, kind="string")
        return fill(_ACCENTI, text, self.literal(f"[{marks_class()}]+", "string"), kind="string")

    def like(self, text: Piece, pattern: str) -> Piece:
        return fill("({} LIKE {})", text, self.literal(as_like(pattern), "string"))

    def call(self, name: str, arguments: Sequence[Piece], kind: Kind) -> Piece:
        if arguments[0].kind == "datetime":
            arguments = [fill(_IN_UTC, arguments[0])]
        return fill(self.functions[name], *arguments, kind=kind)

    def geometry(self, literal: Placed, srid: int) -> Piece:
        return Piece("ST_GeomFromWKB(%s::bytea, %s::integer)", (literal.wkb, srid), "geometry")

    def spatial(self, name: str, left: Piece, right: Piece) -> Piece:
        if name == "s_disjoint":  # written so that its negation uses the spatial index
            return fill("(NOT ST_Intersects({}, {}))", left, right)
        return fill(f"ST_{name[2:].capitalize()}({{}}, {{}})", left, right)

    def array(self, elements: Sequence[Piece]) -> Piece:
        return fill("jsonb_build_array({})", listed([_element(item) for item in elements]), kind="array")

    def json(self, document: str) -> Piece:
        return Piece("%s::jsonb", (document,), "array")

    def arrays(self, name: str, left: Piece, right: Piece) -> Piece:
        match name:
            case "a_containedBy":
                return _subset(left, right)
            case "a_contains":
                return _subset(right, left)
            case "a_overlaps":
                return _known(_COMMON, left, right)
        return fill("({} AND {})", _subset(left, right), _subset(right, left))


def _subset(part: Piece, whole: Piece) -> Piece:
    return _known(_MISSING, part, whole)


def _known(template: str, left: Piece, right: Piece) -> Piece:
    """Return a test on two arrays, NULL where one of them is none."""
    return fill(f"(CASE WHEN {_IS_ARRAY} AND {_IS_ARRAY} THEN {template} END)", left, right, left, right)


def _element(piece: Piece) -> Piece:
    """Return an expression as an element of jsonb_build_array."""
    if piece.kind == "datetime":
        return fill(_STAMP, piece, kind="string")
    return piece


def named(text: str, values: Sequence[Any], prefix: str) -> tuple[str, dict[str, Any]]:
    """Return a condition with named parameters, ``<prefix>0`` and so on, for a statement that has others."""
    names = iter(range(len(values)))
    marked = _MARK.sub(lambda found: found[0] if found[0] == "%%" else f"%({prefix}{next(names)})s", text)
    return marked, {f"{prefix}{place}": value for place, value in enumerate(values)}
