"""Changing features: what a store that can be written to offers beside ``Store``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

import orjson
import shapely

from onemap.catalog.model import TableInfo
from onemap.errors import InvalidFeature, NotFound, PreconditionFailed
from onemap.store.base import Batch, Modified, Store, Value, View


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one feature.

    ``key``: the id of the feature, None for a new one. ``values``: what its columns become; columns not named stay as
    they are, in a new feature as the table's defaults have it. ``geometry``: in x, y of the storage CRS, of the type of
    the table; it counts where ``shaped`` says so. ``conditional``: a feature that
    is not there is another state than was meant; ``expected``: states (see ``feature_state``) of which the stored
    feature must have one, None for any; ``excluded``: states that it must not have, None for any; ``since``: it must
    not have been changed after this moment.
    """

    operation: Literal["insert", "update", "delete"]
    key: str | None = None
    values: Mapping[str, Value | None] = field(default_factory=dict)
    geometry: shapely.Geometry | None = None
    shaped: bool = False
    conditional: bool = False
    expected: frozenset[str] | None = None
    excluded: frozenset[str] | None = frozenset()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was dropped from a log of changes; ``held``: older changes that stay for these ``readers``."""

    dropped: int = 0
    held: int = 0
    readers: tuple[str, ...] = ()


@runtime_checkable
class WritableStore(Store, Protocol):
    """A store whose features can be changed, with a log of every change."""

    def read_only(self, table: TableInfo) -> str:
        """Return why the features of a table cannot be changed, an empty text when they can."""
        ...

    def enable_editing(self, table: TableInfo) -> None:
        """Log the changes of a table from now on: what ``read_only`` asks for. Raises ConfigError."""
        ...

    def prune(self, keep: timedelta) -> Pruned:
        """Drop changes older than ``keep`` from the log, but none that a reader still needs. Raises ConfigError."""
        ...

    def modified(self, view: View, key: str) -> Modified | None:
        """Return when the feature with this id was last changed, as far as the log of changes tells.

        None where changes are not logged, and for a view that does not show all of the table: that something hidden
        was changed is hidden too.
        """
        ...

    def edit(self, view: View, edits: Sequence[Edit]) -> list[Batch]:
        """Make changes in one transaction, all or none, and return each feature as it then is (empty: deleted).

        Raises NotFound or PreconditionFailed for a feature that is not there or not in an expected state, Conflict
        for a key that is taken, InvalidFeature for what the table does not take, Forbidden for a feature that the
        view would not show, Busy when another writer does not finish.
        """
        ...


def feature_state(batch: Batch) -> str:
    """Return a digest of the one feature of a batch as the view shows it: of its key, geometry and values."""
    values = {name: column[0] for name, column in batch.columns.items()}
    made = hashlib.blake2b(orjson.dumps((batch.keys[0], values), default=repr), digest_size=12)
    made.update(batch.stored or shapely.to_wkb(batch.geometries[:1], byte_order=1)[0] or b"")
    return made.hexdigest()


def shows_all(view: View) -> bool:
    """Whether a view shows every column of its table, so that each change of a feature may be told."""
    return all(view.column(field.name) for field in view.collection.table.fields)


def check_state(edit: Edit, stored: Batch, view: View, modified: Callable[[], Modified | None]) -> None:
    """Raise PreconditionFailed or NotFound when a feature as it is stored is not what an edit expects.

    In the order of RFC 9110, 13.2.2. ``modified``: asked where the date of the last change is needed.
    """
    if not len(stored):
        if edit.conditional:
            raise PreconditionFailed("There is no such feature any more, or there never was.")
        raise NotFound(f"There is no feature '{(edit.key or '')[:80]}' in '{view.collection.id}'.")
    if edit.expected is not None and feature_state(stored) not in edit.expected:
        raise PreconditionFailed(hint="Read the feature again, and send the change with its present ETag.")
    if edit.since is not None:
        _check_date(edit.since, modified())
    if edit.excluded is None or feature_state(stored) in edit.excluded:
        raise PreconditionFailed("There is such a feature, and If-None-Match rules it out.")


def _check_date(given: datetime, known: Modified | None) -> None:
    """Check If-Unmodified-Since. A date before the log began cannot be shown to hold, so it does not."""
    if known is None:
        return
    if known.date is None and given < known.since.replace(microsecond=0):
        began = known.since.isoformat(timespec="seconds").replace("+00:00", "Z")
        text = f"Whether the feature was changed after the date given is not known: the log of changes begins {began}."
        raise PreconditionFailed(text, "Read the feature again, and send the change with its ETag in If-Match.")
    if known.date is not None and known.date > given:
        text = "The feature was changed after the date that If-Unmodified-Since gives."
        raise PreconditionFailed(text, "Read the feature again, and send the change with its present Last-Modified.")


def refused(name: str | None, view: View, what: str) -> InvalidFeature:
    """Return the error for a value that the table does not take, naming the property only where it is visible."""
    if name is not None and view.column(name):
        return InvalidFeature(f"The property '{name}' {what}.", pointer=f"/properties/{name}")
    return InvalidFeature("The table does not take these values.")
