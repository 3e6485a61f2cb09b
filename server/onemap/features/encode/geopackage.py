"""Write features as a GeoPackage 1.3 with an R-tree; coordinates in x, y of the CRS asked for.

Integer ids are the primary keys of the table. Its geometry type is that of the stored table, or GEOMETRY where
a feature is not of that type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from onemap.catalog import Field
from onemap.features.encode.background import Check, file_stream
from onemap.features.encode.context import Context, limited, placed
from onemap.store import Batch
from onemap.store.geopackage.writer import COLUMN_TYPES, FieldSpec, GeoPackageWriter, OtherGeometryType, TableSpec

_CACHE_MIB = 32


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield the file once it is made."""
    return file_stream(_make, batches, context)


def _make(batches: Iterator[Batch], context: Context, folder: Path, check: Check) -> Path:
    path = folder / "features.gpkg"
    table = _table(context)
    numbered = context.integer_key
    with GeoPackageWriter(path, cache_mib=_CACHE_MIB) as writer:
        writer.create_table(table)
        for batch in limited(batches, context):
            keys = np.asarray(batch.keys, dtype=np.int64) if numbered else None
            rows = (table.name, placed(batch, context), _columns(batch, context), keys)
            try:
                writer.insert(*rows)
            except OtherGeometryType:
                writer.widen(table.name)
                writer.insert(*rows)
        check()
        writer.finish(table.name, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    return path


def _table(context: Context) -> TableSpec:
    collection, stored = context.collection, context.collection.table
    ids = [] if context.integer_key or not context.key_column else [FieldSpec(context.key_column, "TEXT")]
    return TableSpec(
        collection.id,
        stored.geometry_type,
        context.crs.srid,
        (*ids, *(FieldSpec(field.name, _type(field)) for field in context.fields)),
        stored.geometry_column,
        stored.primary_key,
        collection.title.zh,
        collection.description.zh,
    )


def _type(field: Field) -> str:
    bound = f"({field.max_length})" if field.type == "string" and field.max_length else ""
    return COLUMN_TYPES[field.type] + bound


def _columns(batch: Batch, context: Context) -> dict[str, Sequence[object]]:
    ids = {} if context.integer_key or not context.key_column else {context.key_column: batch.keys}
    return {**ids, **batch.columns}
