"""The SELECT statements of a view: visible columns, the view's rows AND the request's filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from psycopg import sql
from pygeofilter import ast

from onemap.store.base import Batch, Key, View
from onemap.store.postgis.filters import compile_condition
from onemap.store.postgis.regions import Where, area_condition
from onemap.store.postgis.relation import Relation
from onemap.store.postgis.sessions import Row

Statement = tuple[bytes, dict[str, Any]]
_LARGEST_KEY = 2**63
_PAGE = sql.SQL("SELECT {read} FROM {table} t WHERE {where} ORDER BY {key} LIMIT {limit} OFFSET {offset}")
# The inner OFFSET keeps the planner from walking the whole table in key order in search of a few features in a box.
_FEW = sql.SQL(
    "SELECT {read} FROM (SELECT * FROM {table} t WHERE {where} OFFSET 0) t ORDER BY {key} LIMIT {limit} OFFSET {offset}"
)
_AFTER = sql.SQL("{key} > %(after)s")
_ONE = sql.SQL("{key} = %(one)s")
_COUNT = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} t WHERE {where} LIMIT {limit}) s")
_SIZE = sql.SQL(
    "greatest(ST_XMax(box2d({geom})) - ST_XMin(box2d({geom})), ST_YMax(box2d({geom})) - ST_YMin(box2d({geom})))"
)
_WITHIN = sql.SQL(
    "SELECT {read} FROM (SELECT * FROM {table} t WHERE {where} AND {geom} && ST_MakeEnvelope(%(x1)s, %(y1)s, %(x2)s,"
    " %(y2)s, {srid}) AND {size} >= %(smallest)s ORDER BY {size} DESC LIMIT %(limit)s) t ORDER BY {key}"
)
_SOME = sql.SQL("SELECT {id}, {columns} FROM {table} t WHERE {id} = ANY (%(ids)s) AND {where}")


class Select:
    """Write the statements of one view, and make batches of their rows."""

    def __init__(self, view: View, relation: Relation, condition: ast.Node | None = None) -> None:
        self.relation = relation
        compared = {column.name: column.compare() for column in relation.columns.values() if column.published}
        visible = {field.name: compared[field.name] for field in view.columns}
        self.values: dict[str, Any] = {}
        parts = [
            self._part(view.rows, compared, "row") if view.rows is not None else None,
            self._part(condition, visible, "filter") if condition is not None else None,
        ]
        given = [part for part in parts if part is not None]
        self.where: sql.Composable | None = sql.SQL(" AND ").join(given) if given else None
        self.key = relation.columns[view.collection.key]
        self._fields = view.columns
        read = [self.key.read(), relation.shape, *(relation.columns[field.name].read() for field in self._fields)]
        self._written: dict[object, bytes] = {}
        self._gaps: Mapping[str, sql.Composable] = {
            "read": sql.SQL(", ").join(read),
            "table": relation.table,
            "key": self.key.reference,
            "geom": relation.geometry,
            "size": _SIZE.format(geom=relation.geometry),
            "id": relation.id,
            "srid": sql.Literal(relation.srid),
            "limit": sql.Placeholder("limit"),
            "offset": sql.Placeholder("offset"),
        }

    def page(self, box: Where | None, few: bool, after: Key | None, offset: int, limit: int) -> Statement:
        """Return the statement for features in key order; ``few``: the box is known to hold few of them."""
        values: dict[str, Any] = {"limit": limit, "offset": offset}
        if after is not None:
            values["after"] = after
        return self._statement(_FEW if few else _PAGE, values, box, _AFTER if after is not None else None)

    def count(self, box: Where | None, most: int) -> Statement:
        """Return the statement that counts up to ``most`` features and one more."""
        return self._statement(_COUNT, {"limit": most + 1}, box)

    def by_key(self, key: str) -> Statement | None:
        """Return the statement for one feature; None for a key that no feature can have."""
        value: Key = key
        if self.key.kind == "integer":
            if not _is_integer(key):
                return None
            value = int(key)
        elif "\x00" in key:
            return None
        return self._statement(_PAGE, {"one": value, "limit": 1, "offset": 0}, None, _ONE)

    def within(self, bounds: Sequence[float], smallest: float, most: int) -> Statement:
        """Return the statement for the largest features whose boxes meet bounds."""
        corners = dict(zip(("x1", "y1", "x2", "y2"), map(float, bounds), strict=True))
        return self._statement(_WITHIN, {**corners, "smallest": float(smallest), "limit": most})

    def some(self, columns: Sequence[sql.Composable], ids: Sequence[int]) -> Statement:
        """Return the statement that reads the id and expressions of the features with these primary keys."""
        gaps = {**self._gaps, "columns": sql.SQL(", ").join(columns or [sql.SQL("NULL")])}
        text = _SOME.format(where=self.where or sql.SQL("TRUE"), **gaps)
        return text.as_bytes(None), {**self.values, "ids": list(ids)}

    def batch(self, rows: list[Row]) -> Batch:
        """Return the rows of a statement as a batch."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * (2 + len(self._fields))
        named = {field.name: values for field, values in zip(self._fields, columns[2:], strict=True)}
        return Batch(columns[0], decode(columns[1]), named)

    def _part(self, node: ast.Node, columns: Mapping[str, sql.Composable], prefix: str) -> sql.Composable:
        condition, values = compile_condition(node, columns, prefix)
        self.values.update(values)
        return condition

    def _statement(
        self, template: sql.SQL, values: dict[str, Any], box: Where | None = None, test: sql.SQL | None = None
    ) -> Statement:
        """Return the statement, written once for each kind of request, and the values of this one."""
        kind = (id(template), id(test), (box.everything, box.rectangles) if box else None)
        if kind not in self._written:
            area = area_condition(box, self.relation) if box else None
            given = [part for part in (area, test.format(**self._gaps) if test else None, self.where) if part]
            where = sql.SQL(" AND ").join(given) if given else sql.SQL("TRUE")
            self._written[kind] = template.format(where=where, **self._gaps).as_bytes(None)
        return self._written[kind], {**self.values, **(box.values if box else {}), **values}


def decode(blobs: Sequence[bytes | None]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return the geometries in PostGIS' extended WKB, x, y; None for NULL."""
    wkb = np.empty(len(blobs), dtype=object)
    wkb[:] = blobs
    return np.asarray(shapely.from_wkb(wkb), dtype=object)


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        return False
    return str(int(text)) == text and -_LARGEST_KEY <= int(text) < _LARGEST_KEY
