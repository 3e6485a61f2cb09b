"""Features of a provider copied into a GeoPackage of our own, where every query means what it means elsewhere."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import shapely

from onemap.catalog.model import FieldType, TableInfo
from onemap.errors import TooLarge
from onemap.store.base import Batch, Key
from onemap.store.geopackage import GeoPackageStore
from onemap.store.geopackage.writer import COLUMN_TYPES, FieldSpec, GeoPackageWriter, TableSpec

_COLUMNS: Mapping[FieldType, str] = {**COLUMN_TYPES, "binary": "TEXT"}


class Copy:
    """A GeoPackage with the features of some batches; the file goes with this object. ``store`` reads it."""

    def __init__(self, table: TableInfo, batches: Iterable[Batch], most: int) -> None:
        folder = Path(tempfile.mkdtemp(prefix="onemap-copy-"))
        self._gone = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = folder / "copy.gpkg"
        with GeoPackageWriter(path, cache_mib=20) as writer:
            writer.create_table(_spec(table))
            _fill(writer, table, _gathered(batches, most))
            writer.finish(table.name, "1970-01-01T00:00:00.000Z")
        self.store = GeoPackageStore(path)


def _gathered(batches: Iterable[Batch], most: int) -> list[Batch]:
    """Return the batches. Raises TooLarge for more than ``most`` features."""
    kept: list[Batch] = []
    count = 0
    for batch in batches:
        kept.append(batch)
        count += len(batch)
        if count > most:
            raise TooLarge(
                f"The source holds more than {most:,} features that this could mean, which it cannot sort out itself.",
                "Ask for a smaller bbox.",
            )
    return kept


def _fill(writer: GeoPackageWriter, table: TableInfo, batches: list[Batch]) -> None:
    """Write the features in the order of their ids, so that primary keys are the same in each copy of the same."""
    place: dict[Key, tuple[int, int]] = {}
    for number, batch in enumerate(batches):
        for at, key in enumerate(batch.keys):
            place.setdefault(
                key, (number, at)
            )  # an id that comes again is the same feature, moved while pages were read
    keys = sorted(place)
    order = [place[key] for key in keys]
    names = [field.name for field in table.fields]
    columns: dict[str, list[object]] = {
        name: [batches[number].columns[name][at] for number, at in order] for name in names
    }
    if table.key and table.key not in columns:
        columns[table.key] = list(keys)
    geometries = np.empty(len(keys), dtype=object)
    geometries[:] = [batches[number].geometries[at] for number, at in order]
    writer.insert(table.name, np.asarray(shapely.force_2d(geometries), dtype=object), columns)


def _spec(table: TableInfo) -> TableSpec:
    fields = [FieldSpec(field.name, _COLUMNS[field.type]) for field in table.fields]
    if table.key and all(field.name != table.key for field in table.fields):
        fields.append(FieldSpec(table.key, "TEXT"))
    return TableSpec(table.name, "GEOMETRY", table.srid, tuple(fields), table.geometry_column, table.primary_key)
