"""The SELECT statements of a view: visible columns, the view's rows AND the request's filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from psycopg import sql

from onemap.store.base import Batch, FeatureQuery, Key, Position, SortKey, View
from onemap.store.keys import integer_key
from onemap.store.order import beyond
from onemap.store.postgis.filters import columns_of, compile_condition, sort_columns
from onemap.store.postgis.regions import Where, area_condition
from onemap.store.postgis.relation import Relation
from onemap.store.postgis.sessions import Row

Statement = tuple[bytes, dict[str, Any]]
_PAGE = sql.SQL("SELECT {read} FROM {table} t WHERE {where} ORDER BY {order} LIMIT {limit} OFFSET {offset}")
# The inner OFFSET keeps the planner from walking the whole table in key order in search of a few features in a box.
_FEW = sql.SQL(
    "SELECT {read} FROM (SELECT * FROM {table} t WHERE {where} OFFSET 0) t"
    " ORDER BY {order} LIMIT {limit} OFFSET {offset}"
)
_UP = sql.SQL("{c}{collation} ASC NULLS LAST")
_DOWN = sql.SQL("{c}{collation} DESC NULLS LAST")
_C = sql.SQL(' COLLATE "C"')
_SINGLE = sql.SQL("SELECT {read} FROM {table} t WHERE {where} LIMIT 1")
_AFTER = sql.SQL("{key} > %(after)s")
_ONE = sql.SQL("{key} = %(one)s")
_COUNT = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} t WHERE {where} LIMIT {limit}) s")
_WIDTH = "ST_XMax(box2d({geom})) - ST_XMin(box2d({geom}))"
_HEIGHT = "ST_YMax(box2d({geom})) - ST_YMin(box2d({geom}))"
SIZE = sql.SQL(f"greatest({_WIDTH}, {_HEIGHT})")
# The width is enough for most: an OR looks no further.
LARGE = sql.SQL(f"({_WIDTH} >= {{smallest}} OR {_HEIGHT} >= {{smallest}})")
_WITHIN = sql.SQL(
    "SELECT {read} FROM (SELECT * FROM {table} t WHERE {where} AND {geom} && ST_MakeEnvelope(%(x1)s, %(y1)s, %(x2)s,"
    " %(y2)s, {srid}) AND {size} >= %(smallest)s ORDER BY {size} DESC LIMIT %(limit)s) t ORDER BY {key}"
)
# As a text: psycopg writes a list number by number, which costs more than the rows.
_SOME = sql.SQL("SELECT {id}, {columns} FROM {table} t WHERE {id} = ANY (%(ids)s::text::int8[]) AND {where}")


class Select:
    """Write the statements of one view, and make batches of their rows."""

    def __init__(self, view: View, relation: Relation, query: FeatureQuery | None = None) -> None:
        query = query or FeatureQuery(limit=0)
        self.relation = relation
        self.key = relation.columns[view.collection.key]
        self.order = query.order
        self.values: dict[str, Any] = {}
        self.derived: dict[object, object] = {}  # statements that others write from this selection
        self.where = self._conditions(view, query)
        self.fields = view.only(query.columns)
        read = [self.key.read(), relation.shape, *(relation.columns[field.name].read() for field in self.fields)]
        self._written: dict[object, bytes] = {}
        self._gaps: Mapping[str, sql.Composable] = {
            "read": sql.SQL(", ").join(read),
            "table": relation.table,
            "key": self.key.reference,
            "geom": relation.geometry,
            "size": SIZE.format(geom=relation.geometry),
            "id": relation.id,
            "srid": sql.Literal(relation.srid),
            "order": sql.SQL(", ").join([*map(self._sorted, query.order), self._last(bool(query.order))]),
            "limit": sql.Placeholder("limit"),
            "offset": sql.Placeholder("offset"),
        }

    def page(self, box: Where | None, few: bool, after: Position | None, offset: int, limit: int) -> Statement:
        """Return the statement for features in their order; ``few``: the box is known to hold few of them."""
        values: dict[str, Any] = {"limit": limit, "offset": offset}
        template = _FEW if few else _PAGE
        if after is None:
            return self._statement(template, values, box)
        if not self.order:
            return self._statement(template, {**values, "after": after.key}, box, _AFTER)
        names = [self.key.name, *(sort.name for sort in self.order)]
        columns = sort_columns(self.relation, names)
        test, given = compile_condition(beyond(self.order, self.key.name, after), columns, "beyond")
        bound = {**self.values, **(box.values if box else {}), **values, **given}
        return self._text(template, box, test), bound

    def count(self, box: Where | None, most: int) -> Statement:
        """Return the statement that counts up to ``most`` features and one more."""
        return self._statement(_COUNT, {"limit": most + 1}, box)

    def by_key(self, key: str) -> Statement | None:
        """Return the statement for one feature; None for a key that no feature can have."""
        value: Key | None = integer_key(key) if self.key.kind == "integer" else key
        if value is None or "\x00" in key:
            return None
        return self._statement(_SINGLE, {"one": value}, None, _ONE)

    def within(self, bounds: Sequence[float], smallest: float, most: int) -> Statement:
        """Return the statement for the largest features whose boxes meet bounds."""
        corners = dict(zip(("x1", "y1", "x2", "y2"), map(float, bounds), strict=True))
        return self._statement(_WITHIN, {**corners, "smallest": float(smallest), "limit": most})

    def some(self, columns: Sequence[sql.Composable], ids: Sequence[int]) -> Statement:
        """Return the statement that reads the id and expressions of the features with these primary keys."""
        gaps = {**self._gaps, "columns": sql.SQL(", ").join(columns or [sql.SQL("NULL")])}
        text = _SOME.format(where=self.where or sql.SQL("TRUE"), **gaps)
        return text.as_bytes(None), {**self.values, "ids": "{" + ",".join(map(str, ids)) + "}"}

    def batch(self, rows: list[Row]) -> Batch:
        """Return the rows of a statement as a batch."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * (2 + len(self.fields))
        named = {field.name: values for field, values in zip(self.fields, columns[2:], strict=True)}
        return Batch(columns[0], decode(columns[1]), named, stored=columns[1][0] if len(rows) == 1 else None)

    def position(self, row: Row) -> Position:
        """Return the position of a row of a page."""
        places = {field.name: at for at, field in enumerate(self.fields, 2)}
        return Position(row[0], tuple(row[places[sort.name]] for sort in self.order))

    def _conditions(self, view: View, query: FeatureQuery) -> sql.Composable | None:
        """Return the view's own condition AND that of the request, which may use visible columns only."""
        every = columns_of(self.relation, view.collection.table.fields)
        visible = columns_of(self.relation, view.columns)
        given = []
        for node, columns, prefix in ((view.rows, every, "row"), (query.filter, visible, "filter")):
            if node is not None:
                condition, values = compile_condition(node, columns, prefix)
                self.values.update(values)
                given.append(condition)
        return sql.SQL(" AND ").join(given) if given else None

    def _sorted(self, sort: SortKey) -> sql.Composable:
        column = self.relation.columns[sort.name]
        template = _DOWN if sort.descending else _UP
        return template.format(c=column.sort(), collation=_C if column.kind == "string" else sql.SQL(""))

    def _last(self, sorted_: bool) -> sql.Composable:
        """Return what features that are alike are sorted by: the key, in the order that its index has if it can be."""
        if sorted_ and self.key.kind == "string":
            return sql.SQL("{c}{collation}").format(c=self.key.sort(), collation=_C)
        return self.key.reference

    def _statement(
        self, template: sql.SQL, values: dict[str, Any], box: Where | None = None, test: sql.SQL | None = None
    ) -> Statement:
        """Return the statement, written once for each kind of request, and the values of this one."""
        kind = (id(template), id(test), (box.everything, box.rectangles) if box else None)
        if kind not in self._written:
            self._written[kind] = self._text(template, box, test.format(**self._gaps) if test else None)
        return self._written[kind], {**self.values, **(box.values if box else {}), **values}

    def _text(self, template: sql.SQL, box: Where | None, test: sql.Composable | None) -> bytes:
        area = area_condition(box, self.relation) if box else None
        given = [part for part in (area, test, self.where) if part is not None]
        where = sql.SQL(" AND ").join(given) if given else sql.SQL("TRUE")
        return template.format(where=where, **self._gaps).as_bytes(None)


def decode(blobs: Sequence[bytes | None]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return the geometries in PostGIS' extended WKB, x, y; None for NULL."""
    return np.asarray(shapely.from_wkb(blobs), dtype=object)
