"""The statements that make a layer of a vector tile from generalised features.

What was edited since they were made is drawn as it is, in the same statement and so in the same snapshot: the features
that were changed or inserted, and for a generalised feature of which a part was changed or deleted all its parts.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from onemap.store.postgis.generalised import SCHEMA, Kept
from onemap.store.postgis.mvt import TileSelect, cut, simple
from onemap.store.postgis.placing import Place
from onemap.store.postgis.relation import Relation, quoted
from onemap.store.postgis.select import LARGE, Statement
from onemap.store.tiling import Frame

# From so many units of the kept grid to one of the tile on, shapes have more detail than can be seen.
_FINE = 2.01
_SAME = 1e-6
_EDITED = sql.SQL(
    "WITH changed AS MATERIALIZED (SELECT DISTINCT c.key::{type} AS key FROM onemap.change c"
    " WHERE c.table_schema = {schema} AND c.table_name = {name} AND c.key IS NOT NULL"
    " AND c.xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot(c.xid, %(since)s::pg_snapshot)),"
    " touched AS MATERIALIZED (SELECT key FROM changed UNION SELECT m.feature FROM {members} m"
    " WHERE m.member = ANY (ARRAY(SELECT key FROM changed))),"
    " apart AS MATERIALIZED (SELECT key FROM changed UNION SELECT m.member FROM {members} m"
    " WHERE m.feature = ANY (ARRAY(SELECT key FROM touched))) "
)
_BOTH = sql.SQL("({kept} UNION ALL {edited})")
_UNTOUCHED = sql.SQL("{key} NOT IN (SELECT key FROM touched)")
_APART = sql.SQL("{key} = ANY (ARRAY(SELECT key FROM apart))")
_NEAR = sql.SQL("{geom} && ST_MakeEnvelope(%(g1)s, %(g2)s, %(g3)s, %(g4)s)")
_WINDOW = sql.SQL("(SELECT ST_MakeEnvelope(%(g1)s, %(g2)s, %(g3)s, %(g4)s))")
# Shapes lie on the grid of the tile as they are; only what reaches out of it has to be cut.
_MOVED = sql.SQL("CASE WHEN {g} @ {window} THEN ST_Translate({g}, %(dx)s, %(dy)s) ELSE {cut} END")
_TURNED = sql.SQL("ST_Affine({g}, %(f)s, 0, 0, -%(f)s, %(ox)s, %(oy)s)")


class GeneralisedSelect:
    """Write the statements for tiles from one table of generalised features; ``base`` writes those of its layer."""

    def __init__(self, base: TileSelect, relation: Relation, kept: Kept) -> None:
        self._base = base
        self._kept = kept
        self._relation = relation
        self._key = relation.columns[relation.key]
        self._written: dict[object, bytes] = {}

    def thins(self, frame: Frame) -> bool:
        """Whether fewer features are drawn than an overview would show."""
        return frame.overview < frame.smallest and (self._kept.table.grid.finer(frame.grid) or 1.0) > _FINE

    def statement(self, frame: Frame, place: Place, smallest: float, limit: int, *, largest: bool) -> Statement:
        """Return the statement for a tile; features are left out by size only where the grid is much finer."""
        factor = self._kept.table.grid.finer(frame.grid) or 1.0
        exact, fine = abs(factor - 1) < _SAME, factor > _FINE
        flags = (frame.tolerance > 0, smallest > 0, exact, fine, largest)
        kind = (place.kind, frame.grid.crs.srid, frame.extent, frame.buffer, *flags)
        if kind not in self._written:
            self._written[kind] = self._text(frame, place, exact, fine, smallest > 0, largest)
        values = self._base.values(frame, place, smallest, limit)
        return self._written[kind], values | self._numbers(frame, factor, smallest)

    def _numbers(self, frame: Frame, factor: float, smallest: float) -> dict[str, Any]:
        """Return where the tile lies on the kept grid."""
        mine, its = self._kept.table.grid, frame.grid
        x = (its.origin[0] - mine.origin[0]) / mine.unit + frame.corner[0] * factor
        y = (mine.origin[1] - its.origin[1]) / mine.unit + frame.corner[1] * factor
        if abs(factor - 1) < _SAME:
            factor, x, y = 1.0, float(round(x)), float(round(y))
        margin, side = frame.buffer * factor, (frame.extent + frame.buffer) * factor
        window = {"g1": x - margin, "g2": y - margin, "g3": x + side, "g4": y + side}
        moved = {"f": 1 / factor, "dx": -x, "dy": -y, "ox": -x / factor, "oy": frame.extent + y / factor}
        return {**window, **moved, "gsmallest": smallest * factor, "since": self._kept.since}

    def _text(self, frame: Frame, place: Place, exact: bool, fine: bool, sized: bool, largest: bool) -> bytes:
        relation, layout, logged = self._kept.relation(self._relation), self._base.layout, self._kept.since is not None
        tests: list[sql.Composable] = [_NEAR.format(geom=relation.geometry)]
        if fine and sized:
            tests.append(LARGE.format(geom=relation.geometry, smallest=sql.Placeholder("gsmallest")))
        if logged:
            tests.append(_UNTOUCHED.format(key=self._key.reference))
        turned: sql.Composable = _TURNED.format(g=relation.geometry)
        if fine and frame.tolerance > 0:
            turned = simple(turned)
        drawn = cut(turned, frame)
        if exact:
            drawn = _MOVED.format(g=relation.geometry, window=_WINDOW, cut=drawn)
        features = layout.features(relation, drawn, tests, geometry=relation.geometry, largest=largest, ordered=False)
        if not logged:
            return layout.tile(features, frame)
        among = _APART.format(key=self._key.reference)
        edited = self._base.features(frame, place, sized=sized, largest=largest, among=among)
        return layout.tile(_BOTH.format(kept=features, edited=edited), frame, self._edited())

    def _edited(self) -> sql.Composable:
        return _EDITED.format(
            type=quoted(self._key.type), schema=sql.Literal(self._relation.schema),
            name=sql.Literal(self._relation.name), members=quoted(SCHEMA, f"g{self._kept.id}_members"),
        )  # fmt: skip
