"""What the tiles of one tile matrix have in common: found out by one request, good for its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic

from onemap.store import Store
from onemap.tiles.cache import Asked, Place, Source, Wish
from onemap.tiles.cache.memory import REMEMBERED_SECONDS
from onemap.tiles.engine import Drawing, Tile
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import Limits
from onemap.tiles.names import family_of, series_of
from onemap.tiles.params import PATTERN
from onemap.tiles.together import render_together

_MOST = 1000
_DIGITS = 10


class Course:
    """Tiles with the same layers on one tile matrix, each drawn as an overview or not.

    ``drawn``: the layers, each on its tile as the first one asks for it; ``limits``: the rows and columns at which
    there are tiles; ``most``: the limit of features.
    """

    def __init__(self, tile: Tile, drawn: Sequence[tuple[Layer, Tile]], limits: Limits, most: int) -> None:
        layers = [layer for layer, _ in drawn]
        collections = [layer.view.collection for layer in layers]
        self.limits = limits
        self.stores: Mapping[str, Store] = {layer.view.collection.store: layer.store for layer in layers}
        self._grid, self._level, self._most = tile.matrix_set, tile.level, most
        self._layers = tuple((layer, own.overview) for layer, own in drawn)
        self._drawings = tuple(Drawing(layer, own, most) for layer, own in drawn)
        self._kind = (tuple(own.overview for _, own in drawn), *(layer.digest for layer in layers))
        self._sources = tuple(sorted({Source(item.store, item.table.name, item.storage.srid) for item in collections}))
        self._series: bytes | None = None
        self._wish = self._wished()

    def asked(self, row: int, col: int) -> Asked:
        """Return how the cache is asked for one of the tiles."""
        place = Place(self._grid.id, self._level.id, row, col)
        make, name = partial(render_together, self._drawings, row, col), partial(self._name, row, col)
        return Asked((place, self._kind), name, self._sources, place, make, self._wish)

    def _name(self, row: int, col: int) -> bytes:
        """Return the name that holds beyond this process."""
        if self._series is None:
            self._series = series_of(self._grid.id, self._level, self._layers, self._most)
        return self._series + row.to_bytes(4) + col.to_bytes(4)

    def _wished(self) -> Wish | None:
        """Return what a tile would be in an archive: it has those of one collection, with all that may be seen."""
        (layer, overview), *others = self._layers or ((None, False),)
        if layer is None or others or layer.names is not None or layer.filter is not None:
            return None
        return Wish(layer.view.collection.id, partial(family_of, layer, self._grid.id, self._most), overview)


class Courses:
    """Courses by the part of an address before row and column, and by the query.

    They are those of anonymous callers, and of the present era: that in which what is where has not changed.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], tuple[Course, int, float]] = {}

    def remember(self, path: bytes, query: bytes, course: Course, era: int) -> None:
        """Answer the neighbours of a tile at this path by the same course."""
        if not PATTERN.fullmatch(path.decode("latin-1")):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[_split(path)[0], query] = course, era, monotonic() + REMEMBERED_SECONDS

    def find(self, path: bytes, query: bytes, era: int) -> Found | None:
        """Return the course, the row and the column of a tile; None where that has to be found out first."""
        head, row, col = _split(path)
        found = self._known.get((head, query))
        if found is None or not (row.isdigit() and col.isdigit() and len(row) <= _DIGITS >= len(col)):
            return None
        course, known_in, until = found
        at = int(row), int(col)
        if known_in != era or monotonic() > until or not course.limits.holds(*at):
            return None
        return course, *at


Found = tuple[Course, int, int]
"""A course, and the row and the column of one of its tiles."""


def _split(path: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what is before row and column in an address, the row, and the column."""
    rest, _, col = path.rpartition(b"/")
    head, _, row = rest.rpartition(b"/")
    return head, row, col
