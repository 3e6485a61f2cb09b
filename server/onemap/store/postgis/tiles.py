"""Layers of vector tiles, made by the database."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from onemap.geo.crs import Crs, same_plane
from onemap.store.base import FeatureQuery, View
from onemap.store.postgis.generalised import Kept
from onemap.store.postgis.mvt import TileSelect, shapes_for, systems
from onemap.store.postgis.mvt_generalised import GeneralisedSelect
from onemap.store.postgis.placing import Place, place
from onemap.store.postgis.select import Select, Statement
from onemap.store.postgis.sessions import Row, Sessions
from onemap.store.tiling import Frame

_SYSTEMS = (
    b"SELECT count(*) FROM spatial_ref_sys"
    b" WHERE srid = ANY (%(srids)s) AND auth_srid = srid AND upper(auth_name) = 'EPSG'"
)
_SAME = 1e-6


class TileMaker:
    """Make tiles of views; ``select`` gives the conditions and columns of a view and a query."""

    def __init__(self, sessions: Sessions, select: Callable[[View, FeatureQuery], Select]) -> None:
        self._sessions = sessions
        self._select = select
        self._usable: dict[tuple[int, int], bool] = {}

    def tile(self, view: View, frame: Frame, query: FeatureQuery, kept: Sequence[Kept]) -> bytes | None:
        """Return a layer of a vector tile, empty when nothing is there; None for what PostGIS cannot draw.

        ``kept``: the tables of generalised features of the layer.
        """
        steps, row = self._steps(view, frame, query, kept), None
        try:
            statement = next(steps)
            while True:
                row = self._sessions.drawn(*statement)
                statement = steps.send(row)
        except StopIteration as done:
            made: bytes | None = done.value
            return made

    async def tile_soon(self, view: View, frame: Frame, query: FeatureQuery, kept: Sequence[Kept]) -> bytes | None:
        """Return the same while the event loop goes on."""
        steps, row = self._steps(view, frame, query, kept), None
        try:
            statement = next(steps)
            while True:
                row = await self._sessions.drawn_soon(*statement)
                statement = steps.send(row)
        except StopIteration as done:
            made: bytes | None = done.value
            return made

    def _steps(
        self, view: View, frame: Frame, query: FeatureQuery, kept: Sequence[Kept]
    ) -> Generator[Statement, Row | None, bytes | None]:
        """Yield the statements of a tile one after the other, take the row of each, and return the layer."""
        select = self._select(view, query)
        written = _written(view, select, frame.grid.crs)
        shapes = written.shapes
        placed = place(frame, shapes.crs)
        if placed is None:
            return b""
        if frame.labels:
            # Neighbours must not differ by a hair about where a point is.
            same = same_plane(shapes.crs, frame.grid.crs)
            placed = placed._replace(kind="box" if same else "transform", ends=frame.bounds)
        if placed.kind == "transform" and not (yield from self._knows(shapes.crs, frame.grid.crs)):
            return None
        plain = query.filter is None and view.rows is None and not frame.labels
        overview = _generalised(frame, select, written, kept) if plain and kept else None
        if overview is not None:
            made = yield from _drawn(overview, frame, placed, query.limit)
            if made is not None:
                return made
        return (yield from _drawn(written, frame, placed, query.limit))

    def _knows(self, storage: Crs, target: Crs) -> Generator[Statement, Row | None, bool]:
        """Whether the database numbers the systems of a transformation as EPSG does."""
        key = (storage.srid, target.srid)
        if key not in self._usable:
            codes = systems(storage, target)
            row = yield _SYSTEMS, {"srids": codes}
            self._usable[key] = row is not None and int(row[0]) == len(codes)
        return self._usable[key]


def _written(view: View, select: Select, target: Crs) -> TileSelect:
    """Return how the tiles of a selection in a CRS are written, which lives as long as the selection does."""
    found = select.derived.get(target.srid)
    if not isinstance(found, TileSelect):
        shapes = shapes_for(view, select.relation, target)
        found = select.derived[target.srid] = TileSelect(view, select, shapes)
    return found


def _generalised(frame: Frame, select: Select, base: TileSelect, kept: Sequence[Kept]) -> GeneralisedSelect | None:
    """Return how generalised features are read; None where there are none for the grid of the tile.

    They have the attributes of their largest part: not to be used where what a filter would find in the other parts
    counts.
    """
    needed = {field.name for field in select.fields}
    fit = [
        (factor, item)
        for item in kept
        if not item.table.stale
        and needed <= item.columns
        and (factor := item.table.grid.finer(frame.grid)) is not None
        and factor > 1 - _SAME
    ]
    if not fit:
        return None
    chosen = min(fit, key=lambda item: item[0])[1]
    key = (base, chosen.id, chosen.since)
    found = select.derived.get(key)
    if not isinstance(found, GeneralisedSelect):
        found = select.derived[key] = GeneralisedSelect(base, select.relation, chosen)
    return found


def _drawn(
    select: TileSelect | GeneralisedSelect, frame: Frame, placed: Place, most: int
) -> Generator[Statement, Row | None, bytes | None]:
    """Draw the features that are large enough, the largest ones where there are too many or too few of them."""
    row = yield select.statement(frame, placed, frame.smallest, most + 1, largest=False)
    if row is not None and row[1] > most:
        row = yield select.statement(frame, placed, frame.smallest, most, largest=True)
    elif row is not None and row[1] < frame.few and select.thins(frame):
        row = yield select.statement(frame, placed, frame.overview, min(frame.few, most), largest=True)
    if row is None:
        return None
    return bytes(row[0]) if row[2] else b""
