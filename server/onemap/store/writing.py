"""Changing features: what a store that can be written to offers beside ``Store``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import orjson
import shapely

from onemap.catalog.model import TableInfo
from onemap.errors import InvalidFeature, NotFound, PreconditionFailed
from onemap.store.base import Batch, Store, Value, View


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one feature.

    ``key``: the id of the feature, None for a new one. ``values``: what its columns become; columns not named stay as
    they are, in a new feature as the table's defaults have it. ``geometry``: in x, y of the storage CRS, of the type of
    the table; it counts where ``shaped`` says so. ``conditional``: a feature that
    is not there is another state than was meant; ``expected``: states (see ``feature_state``) of which the stored
    feature must have one, None for any.
    """

    operation: Literal["insert", "update", "delete"]
    key: str | None = None
    values: Mapping[str, Value | None] = field(default_factory=dict)
    geometry: shapely.Geometry | None = None
    shaped: bool = False
    conditional: bool = False
    expected: frozenset[str] | None = None


@runtime_checkable
class WritableStore(Store, Protocol):
    """A store whose features can be changed, with a log of every change."""

    def read_only(self, table: TableInfo) -> str:
        """Return why the features of a table cannot be changed, an empty text when they can."""
        ...

    def enable_editing(self, table: TableInfo) -> None:
        """Log the changes of a table from now on: what ``read_only`` asks for. Raises ConfigError."""
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
    geometry = batch.geometries[0]
    made.update(b"" if geometry is None else shapely.to_wkb(geometry, byte_order=1))
    return made.hexdigest()


def check_state(edit: Edit, stored: Batch, view: View) -> None:
    """Raise PreconditionFailed or NotFound when a feature as it is stored is not what an edit expects."""
    if not len(stored):
        if edit.conditional:
            raise PreconditionFailed("There is no such feature any more, or there never was.")
        raise NotFound(f"There is no feature '{(edit.key or '')[:80]}' in '{view.collection.id}'.")
    if edit.expected is not None and feature_state(stored) not in edit.expected:
        raise PreconditionFailed(hint="Read the feature again, and send the change with its present ETag.")


def refused(name: str | None, view: View, what: str) -> InvalidFeature:
    """Return the error for a value that the table does not take, naming the property only where it is visible."""
    if name is not None and view.column(name):
        return InvalidFeature(f"The property '{name}' {what}.", pointer=f"/properties/{name}")
    return InvalidFeature("The table does not take these values.")
