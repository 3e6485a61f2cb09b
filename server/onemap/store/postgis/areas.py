"""Areas of whole features that were measured already, kept in memory by the version of the row."""

from __future__ import annotations

from threading import Lock

import numpy as np

from onemap.geo.overlay import Floats, Ids

_REMEMBERED = 2_000_000
_RECENT = 20_000
_Recent = dict[int, tuple[int, float]]


class AreaMemory:
    """Areas by table, key and the transaction that wrote the row: an edit makes a new entry.

    Most stand in sorted arrays, those that came last in a dictionary. The table asked for least recently is forgotten
    first.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._tables: dict[int, tuple[Ids, Ids, Floats, _Recent]] = {}

    def known(self, table: int, ids: Ids, written: Ids) -> Floats:
        """Return the areas of rows of a table, NaN where this version of the row was not measured."""
        areas = np.full(len(ids), np.nan)
        if table not in self._tables:
            return areas
        keys, versions, values, recent = self._tables[table]
        if len(keys):
            row = np.searchsorted(keys, ids)
            row[row == len(keys)] = 0
            same = (keys[row] == ids) & (versions[row] == written)
            areas[same] = values[row[same]]
        for at in np.flatnonzero(np.isnan(areas)).tolist() if recent else []:
            version, area = recent.get(int(ids[at]), (-1, np.nan))
            if version == written[at]:
                areas[at] = area
        return areas

    def keep(self, table: int, ids: Ids, written: Ids, areas: Floats) -> None:
        """Remember areas, in place of those of other versions of the rows."""
        empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), _Recent())
        with self._lock:
            keys, versions, values, recent = self._tables.pop(table, empty)
            recent = recent | dict(zip(ids.tolist(), zip(written.tolist(), areas.tolist(), strict=True), strict=True))
            if len(recent) > _RECENT:
                keys, versions, values = _merged(keys, versions, values, recent)
                recent = {}
            self._tables[table] = (keys, versions, values, recent)
            while len(self._tables) > 1 and sum(len(entry[0]) for entry in self._tables.values()) > _REMEMBERED:
                del self._tables[next(iter(self._tables))]


def _merged(keys: Ids, versions: Ids, values: Floats, recent: _Recent) -> tuple[Ids, Ids, Floats]:
    """Return the arrays with the recent ones, which win; beyond the limit only the recent ones."""
    fresh = np.fromiter(recent, np.int64, len(recent))
    written = np.array([version for version, _ in recent.values()], np.int64)
    areas = np.array([area for _, area in recent.values()])
    if len(keys) + len(fresh) > _REMEMBERED:
        keys, versions, values = keys[:0], versions[:0], values[:0]
    old = ~np.isin(keys, fresh)
    every = np.concatenate([keys[old], fresh])
    order = np.argsort(every)
    return every[order], np.concatenate([versions[old], written])[order], np.concatenate([values[old], areas])[order]
