"""Write features as FlatGeobuf with a spatial index, by GDAL; coordinates in x, y of the CRS asked for.

The index orders the features by place. It cannot hold a feature without geometry: where there is one, the
file has no index and keeps the order of the keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onemap.features.encode.background import Check, file_stream
from onemap.features.encode.columns import arrow_schema, record_batch
from onemap.features.encode.context import Context, limited, placed
from onemap.features.encode.spool import Spool, declared_type
from onemap.store import Batch


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield the file once it is made."""
    return file_stream(_make, batches, context)


def _make(batches: Iterator[Batch], context: Context, folder: Path, check: Check) -> Path:
    import pyogrio.raw  # loads GDAL

    schema = arrow_schema(context)
    with Spool(folder / "features.arrow", schema) as spool:
        for batch in limited(batches, context):
            shapes = placed(batch, context)
            spool.write(record_batch(batch, context, schema, shapes), shapes)
    path = folder / "features.fgb"
    pyogrio.raw.write_arrow(
        spool.reader(schema, check),
        path,
        layer=context.collection.id,
        driver="FlatGeobuf",
        geometry_name=schema.names[-1],
        geometry_type=spool.geometry_type(declared_type(context.collection.table.geometry_type)),
        crs=f"EPSG:{context.crs.srid}",
        layer_options={
            "SPATIAL_INDEX": "NO" if spool.missing else "YES",
            "TITLE": context.collection.title.zh,
            "TEMPORARY_DIR": str(folder),
        },
    )
    return path
