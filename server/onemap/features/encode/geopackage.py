"""Write features as a GeoPackage 1.3 with an R-tree; coordinates in x, y of the CRS asked for.

Integer ids are the primary keys of the table. Lines and polygons are written as their multiple types, as a
table may hold both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.catalog import Field
from onemap.features.encode.background import Check, file_stream
from onemap.features.encode.context import Context, limited, placed
from onemap.store import Batch
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

_TYPES = {
    "string": "TEXT",
    "integer": "INTEGER",
    "number": "REAL",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "DATETIME",
    "binary": "BLOB",
}
_WIDER = {"LINESTRING": "MULTILINESTRING", "POLYGON": "MULTIPOLYGON"}
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
            shapes = _fitting(placed(batch, context), table.geometry_type)
            writer.insert(table.name, shapes, _columns(batch, context), keys)
        check()
        writer.finish(table.name, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    return path


def _table(context: Context) -> TableSpec:
    collection, stored = context.collection, context.collection.table
    ids = [] if context.integer_key or not context.key_column else [FieldSpec(context.key_column, "TEXT")]
    return TableSpec(
        collection.id,
        _WIDER.get(stored.geometry_type, stored.geometry_type),
        context.crs.srid,
        (*ids, *(FieldSpec(field.name, _type(field)) for field in context.fields)),
        stored.geometry_column,
        stored.primary_key,
        collection.title.zh,
        collection.description.zh,
    )


def _type(field: Field) -> str:
    bound = f"({field.max_length})" if field.type == "string" and field.max_length else ""
    return _TYPES[field.type] + bound


def _columns(batch: Batch, context: Context) -> dict[str, Sequence[object]]:
    ids = {} if context.integer_key or not context.key_column else {context.key_column: batch.keys}
    return {**ids, **batch.columns}


def _fitting(geometries: NDArray[np.object_], geometry_type: str) -> NDArray[np.object_]:
    """Return the geometries, multipoints of one point as points where the table has points."""
    if geometry_type != "POINT":
        return geometries
    lone = (shapely.get_type_id(geometries) == 4) & (shapely.get_num_geometries(geometries) == 1)
    return np.where(lone, shapely.get_geometry(geometries, 0), geometries)
