"""The Store protocol, and the View through which alone a store gives anything."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from pygeofilter import ast

from onemap.catalog.model import Collection, Coverage, Field, TableInfo
from onemap.cql import write_text
from onemap.geo.bbox import Box
from onemap.geo.crs import Bounds
from onemap.geo.overlay import OverlaySource

Key = int | str
Value = str | int | float | bool


@dataclass(frozen=True)
class View:
    """What one principal may see of one collection: the rows and columns, decided by the policy."""

    collection: Collection
    columns: tuple[Field, ...]
    rows: ast.Node | None = None

    @cached_property
    def digest(self) -> str:
        """A short digest that differs between views of different content; part of every cache key."""
        rows = None if self.rows is None else write_text(self.rows)
        text = repr((self.collection.id, [field.name for field in self.columns], rows))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def column(self, name: str) -> Field | None:
        """Return a visible column by name, or None: hidden ones are as unknown ones."""
        return next((field for field in self.columns if field.name == name), None)

    def only(self, names: Container[str] | None) -> tuple[Field, ...]:
        """Return the visible columns among these names, all for None."""
        return self.columns if names is None else tuple(field for field in self.columns if field.name in names)


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column to sort by. Texts sort by code points; features without a value come last in both directions."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a feature in an order: its key, and its values of the sort keys."""

    key: Key
    values: tuple[Value | None, ...] = ()


@dataclass(frozen=True, slots=True)
class FeatureQuery:
    """Which features, in the order of the sort keys and then of the collection's key.

    ``filter``: checked and placed (``onemap.cql``). ``after``: only features beyond this position. ``offset``: how many
    of the matches to pass over. ``columns``: names of the view's columns that are read, None for all.
    """

    limit: int
    box: Box | None = None
    filter: ast.Node | None = None
    after: Position | None = None
    offset: int = 0
    order: tuple[SortKey, ...] = ()
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Modified:
    """What the log of changes says of one feature, in UTC.

    ``since``: the log is complete from then on; ``changes``: the last two of the feature, the latest first.
    """

    since: datetime
    changes: tuple[datetime, ...] = ()

    @property
    def date(self) -> datetime | None:
        """The whole second of the last change; the next one when that second saw two; None for none since ``since``.

        Thus the date of the first of two changes in one second is not taken for that of the second.
        """
        if not self.changes:
            return None
        seconds = [moment.replace(microsecond=0) for moment in self.changes]
        return seconds[0] + timedelta(seconds=1) if seconds[1:] == seconds[:1] else seconds[0]


@dataclass(frozen=True, slots=True)
class Batch:
    """Features, column by column. Geometries are in x, y of the storage CRS; None where there is none.

    ``modified``: of the one feature that was just changed, where that may be told. ``stored``: the geometry of a batch
    of one as the store holds it, where it says so.
    """

    keys: Sequence[Key]
    geometries: NDArray[np.object_]
    columns: Mapping[str, Sequence[object]]
    modified: Modified | None = None
    stored: bytes | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def position(self, at: int, order: Sequence[SortKey]) -> Position:
        """Return the position of one of the features, whose sort keys are among the columns."""
        return Position(self.keys[at], tuple(cast("Value | None", self.columns[sort.name][at]) for sort in order))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that cannot be published, why, and what would help; ``published``: it is, and could do better."""

    table: str
    reason: str
    remedy: str = ""
    published: bool = False


class Store(Protocol):
    """A source of features. All methods block, but for ``feature_soon``; call them from a worker thread."""

    def tables(self) -> tuple[list[TableInfo], list[LeftOut]]:
        """Return the feature tables that can be published, and those that cannot."""
        ...

    def ready(self) -> bool:
        """Whether the source can be read at the moment."""
        ...

    def state(self) -> str:
        """Return a token that changes with every change of the stored content; does not block once it is known."""
        ...

    def version(self, collection: Collection) -> str:
        """Return the version of a collection's data in this store: another one after every change of its content."""
        ...

    def extent(self, view: View) -> Bounds | None:
        """Return the bounds of the features in x, y of the storage CRS; None when there are none."""
        ...

    def interval(self, view: View) -> tuple[str | int | None, str | int | None] | None:
        """Return the earliest and latest value of the temporal fields; None for a collection without time."""
        ...

    def count(self, view: View, query: FeatureQuery, most: int) -> int | None:
        """Return how many features the query matches, its paging apart; None when that is not cheap to know."""
        ...

    def batches(self, view: View, query: FeatureQuery) -> Iterator[Batch]:
        """Yield the features of a query in key order, in batches; at most ``query.limit`` in all."""
        ...

    def feature(self, view: View, key: str) -> Batch:
        """Return the feature with this id as a batch of one, or an empty batch."""
        ...

    async def feature_soon(self, view: View, key: str) -> Batch:
        """Return the same while the event loop goes on."""
        ...

    def within(self, view: View, bounds: Bounds, smallest: float, query: FeatureQuery) -> Batch:
        """Return the features whose box meets ``bounds`` (storage x, y), the ``query.limit`` largest of them.

        Features whose box is smaller than ``smallest`` (storage units) in both directions are left out; 0 keeps all.
        Of the query its filter, columns and limit count.
        """
        ...

    def attributes(self, view: View, keys: Sequence[int], names: Sequence[str]) -> dict[str, list[object]]:
        """Return visible columns of the features with these primary keys, in the order of the keys."""
        ...

    def overlay_source(self, view: View) -> OverlaySource:
        """Return the layer as the overlay kernel reads it; ids are primary keys."""
        ...

    def coverage(self, coverage: Coverage) -> tuple[shapely.Geometry, int] | None:
        """Return the extent of validity and its EPSG code; None when the polygons are not there."""
        ...
