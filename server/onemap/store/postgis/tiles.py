"""Layers of vector tiles, made by the database."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from onemap.geo.crs import Crs
from onemap.store.base import FeatureQuery, View
from onemap.store.postgis.generalised import Kept
from onemap.store.postgis.mvt import TileSelect, systems
from onemap.store.postgis.mvt_generalised import GeneralisedSelect
from onemap.store.postgis.placing import Place, place
from onemap.store.postgis.select import Select
from onemap.store.postgis.sessions import Sessions
from onemap.store.tiling import Frame

_SYSTEMS = (
    b"SELECT count(*) FROM spatial_ref_sys"
    b" WHERE srid = ANY (%(srids)s) AND auth_srid = srid AND upper(auth_name) = 'EPSG'"
)
_SAME = 1e-6


class TileMaker:
    """Make tiles of views.

    ``select`` gives the conditions and columns of a view and a query, ``kept`` the tables of generalised features.
    """

    def __init__(
        self,
        sessions: Sessions,
        select: Callable[[View, FeatureQuery], Select],
        kept: Callable[[View], tuple[Kept, ...]],
    ) -> None:
        self._sessions = sessions
        self._select = select
        self._kept = kept
        self._selects: WeakKeyDictionary[Select, TileSelect] = WeakKeyDictionary()
        self._overviews: WeakKeyDictionary[Select, dict[int, GeneralisedSelect]] = WeakKeyDictionary()
        self._usable: dict[tuple[int, int], bool] = {}

    def tile(self, view: View, frame: Frame, query: FeatureQuery) -> bytes | None:
        """Return a layer of a vector tile, empty when nothing is there; None for what PostGIS cannot draw."""
        storage = view.collection.storage
        placed = place(frame, storage)
        if placed is None:
            return b""
        if placed.kind == "transform" and not self._knows(storage, frame.grid.crs):
            return None
        select = self._select(view, query)
        overview = self._generalised(view, frame, query, select)
        if overview is not None:
            made = self._drawn(overview, frame, placed, query.limit)
            if made is not None:
                return made
        return self._drawn(self._written(view, select), frame, placed, query.limit)

    def _drawn(self, select: TileSelect | GeneralisedSelect, frame: Frame, placed: Place, most: int) -> bytes | None:
        """Draw the features that are large enough, the largest ones where there are too many or too few of them."""
        row = self._sessions.drawn(*select.statement(frame, placed, frame.smallest, most + 1, largest=False))
        if row is not None and row[1] > most:
            row = self._sessions.drawn(*select.statement(frame, placed, frame.smallest, most, largest=True))
        elif row is not None and row[1] < frame.few and select.thins(frame):
            few = min(frame.few, most)
            row = self._sessions.drawn(*select.statement(frame, placed, frame.overview, few, largest=True))
        if row is None:
            return None
        return bytes(row[0]) if row[2] else b""

    def _written(self, view: View, select: Select) -> TileSelect:
        found = self._selects.get(select)
        if found is None:
            found = self._selects[select] = TileSelect(view, select)
        return found

    def _generalised(self, view: View, frame: Frame, query: FeatureQuery, select: Select) -> GeneralisedSelect | None:
        """Return how generalised features are read; None where they would not do.

        They have the attributes of their largest part: what a filter would find in the others is not in them.
        """
        if query.filter is not None or view.rows is not None or frame.tolerance <= 0:
            return None
        needed = {field.name for field in select.fields}
        fit = [
            (factor, kept)
            for kept in self._kept(view)
            if not kept.table.stale
            and needed <= kept.columns
            and (factor := kept.table.grid.finer(frame.grid)) is not None
            and factor > 1 - _SAME
        ]
        if not fit:
            return None
        kept = min(fit, key=lambda item: item[0])[1]
        written = self._overviews.setdefault(select, {})
        if kept.id not in written:
            written[kept.id] = GeneralisedSelect(self._written(view, select), select.relation, kept)
        return written[kept.id]

    def _knows(self, storage: Crs, target: Crs) -> bool:
        """Whether the database numbers the systems of a transformation as EPSG does."""
        key = (storage.srid, target.srid)
        if key not in self._usable:
            codes = systems(storage, target)
            self._usable[key] = int(self._sessions.row(_SYSTEMS, {"srids": codes})[0]) == len(codes)
        return self._usable[key]
