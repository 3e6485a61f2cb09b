"""SQLite and GeoPackage: parameters ``?``, and functions that ``onemap.cql.register`` adds to a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from pygeofilter import ast

from onemap.cql.columns import Column, Kind
from onemap.cql.dialects.base import Piece, fill, listed
from onemap.cql.instants import canonical
from onemap.cql.nodes import IntDiv, Mod, Placed, Pow
from onemap.cql.patterns import as_glob

# GeoPackage date-time is text in UTC, with or without fraction and Z. Without both, its order is that of time.
_INSTANT = "CASE WHEN instr({0}, '.') THEN rtrim(rtrim(rtrim({0}, 'Z'), '0'), '.') ELSE rtrim({0}, 'Z') END"
_BOOLEAN_ELEMENT = "json(CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' ELSE 'null' END)"


class SQLite:
    """The dialect of SQLite 3.38 and later."""

    true = "1"
    false = "0"
    functions: Mapping[str, str] = {
        "lower": "cql_lower({})",
        "upper": "cql_upper({})",
        "trim": "trim({}, ' ')",
        "concat": "({} || {})",
        "length": "length({})",
        "char_length": "length({})",
        "abs": "cql_abs({})",
        "round": "cql_round({})",
        "floor": "cql_floor({})",
        "ceil": "cql_ceil({})",
        "year": "CAST(substr({}, 1, 4) AS INTEGER)",
        "month": "CAST(substr({}, 6, 2) AS INTEGER)",
        "day": "CAST(substr({}, 9, 2) AS INTEGER)",
    }
    arithmetic: Mapping[tuple[type[ast.Node], bool], str] = {
        **{(kind, True): sql for kind, sql in ((ast.Add, "({} + {})"), (ast.Sub, "({} - {})"), (ast.Mul, "({} * {})"))},
        **{
            (kind, False): sql for kind, sql in ((ast.Add, "({} + {})"), (ast.Sub, "({} - {})"), (ast.Mul, "({} * {})"))
        },
        (ast.Div, False): "(CAST({} AS REAL) / {})",
        (IntDiv, True): "({} / {})",
        (IntDiv, False): "cql_div({}, {})",
        (Mod, True): "({} % {})",
        (Mod, False): "cql_mod({}, {})",
        (Pow, False): "cql_power({}, {})",
    }

    def column(self, column: Column) -> Piece:
        text = _INSTANT.format(column.sql) if column.type == "datetime" else column.sql
        return Piece(text, (), column.type)

    def literal(self, value: str | float | date, kind: Kind) -> Piece:
        if isinstance(value, date):
            value = canonical(value) if isinstance(value, datetime) else value.isoformat()
        return Piece("?", (value,), kind)

    def day(self, instant: Piece) -> Piece:
        return fill("substr({}, 1, 10)", instant, kind="date")

    def ordered(self, text: Piece) -> Piece:
        return text

    def fold(self, accents: bool, text: Piece) -> Piece:
        return fill("cql_accenti({})" if accents else "cql_casei({})", text, kind="string")

    def like(self, text: Piece, pattern: str) -> Piece:
        return fill("({} GLOB {})", text, self.literal(as_glob(pattern), "string"))

    def call(self, name: str, arguments: Sequence[Piece], kind: Kind) -> Piece:
        return fill(self.functions[name], *arguments, kind=kind)

    def geometry(self, literal: Placed, srid: int) -> Piece:
        return Piece("?", (literal.wkb,), "geometry")

    def spatial(self, name: str, left: Piece, right: Piece) -> Piece:
        return fill(f"cql_{name}({{}}, {{}})", left, right)

    def array(self, elements: Sequence[Piece]) -> Piece:
        return fill("json_array({})", listed([_element(item) for item in elements]), kind="array")

    def json(self, document: str) -> Piece:
        return Piece("?", (document,), "array")

    def arrays(self, name: str, left: Piece, right: Piece) -> Piece:
        return fill(f"cql_{name.lower()}({{}}, {{}})", left, right)


def _element(piece: Piece) -> Piece:
    """Return an expression as an element of json_array."""
    if piece.kind == "boolean":
        return Piece(_BOOLEAN_ELEMENT.format(piece.text), piece.values * 2, "boolean")
    if piece.kind == "datetime":
        return fill("({} || 'Z')", piece, kind="string")
    return fill("json({})", piece, kind="array") if piece.kind == "array" else piece
