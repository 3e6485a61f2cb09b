"""What a writer is given beside the features, and what all writers do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.block.links import Link
from onemap.catalog import Collection, Field
from onemap.errors import TooLarge
from onemap.features.encode.options import Options
from onemap.geo.crs import Crs, transform
from onemap.store import Batch
from onemap.store.base import Key


@dataclass(frozen=True, slots=True)
class Context:
    """One answer.

    ``fields``: the visible fields, in order. ``crs``: the system asked for (CRS84 when none was).
    ``limit``: most features to write. ``whole``: the result was asked for as a whole, so that more than
    ``limit`` features are a failure, not a page. ``links``: gives the links of the document when told the
    last key of a page that has a next one, or None. ``schema``: address of the feature schema.
    ``scratch``: folder of temporary files, the system's when None. ``profile``: of GeoJSON, see ``profiles``.
    """

    collection: Collection
    fields: tuple[Field, ...]
    storage: Crs
    crs: Crs
    limit: int
    matched: int | None
    links: Callable[[Key | None], list[Link]]
    options: Options = field(default_factory=Options)
    schema: str = ""
    scratch: Path | None = None
    whole: bool = False
    profile: str = ""

    @property
    def key_column(self) -> str | None:
        """The name of a column for the feature ids, None where a visible field holds them already."""
        key = self.collection.key
        return None if any(field.name == key for field in self.fields) else key

    @property
    def integer_key(self) -> bool:
        """Whether the ids are the integer primary keys of the table, not values of a field."""
        return self.collection.key == self.collection.table.primary_key


Writer = Callable[[Iterator[Batch], Context], Iterator[bytes]]


def limited(batches: Iterator[Batch], context: Context) -> Iterator[Batch]:
    """Yield at most ``context.limit`` features. Raises TooLarge when a whole result has more."""
    left = context.limit
    for batch in batches:
        if len(batch) > left and context.whole:
            raise too_many(context.limit)
        kept = batch if len(batch) <= left else head(batch, left)
        left -= len(kept)
        if len(kept):
            yield kept


def too_many(most: int, matched: int | None = None) -> TooLarge:
    """Return the error of a whole result that is larger than a download may be."""
    found = f"{matched:,}" if matched is not None else "more"
    return TooLarge(
        f"The result has {found} features; one download holds at most {most:,}.",
        "Narrow it with bbox, datetime or a property, or take it in parts with limit and offset.",
    )


def head(batch: Batch, count: int) -> Batch:
    """Return the first features of a batch."""
    columns = {name: values[:count] for name, values in batch.columns.items()}
    return Batch(batch.keys[:count], batch.geometries[:count], columns)


def placed(batch: Batch, context: Context) -> NDArray[np.object_]:
    """Return the geometries in x, y of the CRS asked for; None for missing and empty ones."""
    moved = transform(batch.geometries, context.storage, context.crs)
    placed = np.array(moved, dtype=object)
    placed[shapely.is_empty(placed)] = None
    return placed


def unique(name: str, taken: set[str]) -> str:
    """Return the name, numbered where it is taken already (letters alike in both cases), and take it."""
    made, number = name, 1
    while made.lower() in taken:
        made, number = f"{name}_{number}", number + 1
    taken.add(made.lower())
    return made


def timestamp() -> str:
    """Return the present time as an RFC 3339 timestamp."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
