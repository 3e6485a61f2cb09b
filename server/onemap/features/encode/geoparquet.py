"""Write features as GeoParquet 1.1 in row groups, streamed; coordinates in x, y of the CRS asked for.

The geometry is WKB with a bounding box column beside it, whose statistics let readers skip row groups; the
CRS is PROJJSON. Geometry types and extent stand in the footer, where they are known. Compression is zstd.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet
import pyproj
import shapely
from numpy.typing import NDArray

from onemap.features.encode.columns import arrow_schema, record_batch
from onemap.features.encode.context import Context, limited, placed
from onemap.geo.crs import CRS84, Crs
from onemap.store import Batch

_ROWS = 10_000
_BYTES = 8 << 20
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_BOX = "bbox"
_TYPES = {0: "Point", 1: "LineString", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString"}
_TYPES |= {6: "MultiPolygon", 7: "GeometryCollection"}


class _Seen:
    """Geometry types and extent of what was written."""

    def __init__(self) -> None:
        self.types: set[int] = set()
        self.low = np.full(2, np.inf)
        self.high = np.full(2, -np.inf)

    def add(self, kinds: NDArray[np.int32], bounds: NDArray[np.float64]) -> None:
        known = bounds[kinds >= 0]
        if len(known):
            self.types |= set(np.unique(kinds[kinds >= 0]).tolist())
            self.low = np.minimum(self.low, known[:, :2].min(axis=0))
            self.high = np.maximum(self.high, known[:, 2:].max(axis=0))


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield a row group at a time, the footer last; a stream that ends before it is not a Parquet file."""
    plain = arrow_schema(context, reserved=(_BOX,))
    schema = plain.append(pa.field(_BOX, pa.struct([pa.field(side, pa.float64()) for side in _SIDES])))
    sink, seen = io.BytesIO(), _Seen()
    with pyarrow.parquet.ParquetWriter(sink, schema.remove_metadata(), compression="zstd") as writer:
        for group in _groups(batches, context, plain, schema, seen):
            writer.write_table(group, row_group_size=len(group))
            yield _taken(sink)
        writer.add_key_value_metadata({"geo": orjson.dumps(_metadata(plain.names[-1], context.crs, seen)).decode()})
    yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    """Return what the sink holds and empty it."""
    piece = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return piece


def _groups(
    batches: Iterator[Batch], context: Context, plain: pa.Schema, schema: pa.Schema, seen: _Seen
) -> Iterator[Any]:
    """Yield tables of about a row group's size."""
    waiting: list[Any] = []
    for batch in limited(batches, context):
        waiting.append(_boxed(batch, context, plain, schema, seen))
        if sum(map(len, waiting)) >= _ROWS or sum(item.nbytes for item in waiting) >= _BYTES:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _boxed(batch: Batch, context: Context, plain: pa.Schema, schema: pa.Schema, seen: _Seen) -> Any:
    shapes = placed(batch, context)
    bounds, kinds = shapely.bounds(shapes), shapely.get_type_id(shapes)
    seen.add(kinds, bounds)
    sides = [pa.array(bounds[:, at]) for at in range(4)]
    boxes = pa.StructArray.from_arrays(sides, fields=list(schema.field(_BOX).type), mask=pa.array(kinds < 0))
    return pa.record_batch([*record_batch(batch, context, plain, shapes).columns, boxes], schema=schema)


def _metadata(geometry: str, crs: Crs, seen: _Seen) -> dict[str, Any]:
    known = pyproj.CRS.from_authority("OGC", "CRS84") if crs == CRS84 else pyproj.CRS.from_epsg(crs.srid)
    described: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [_TYPES[kind] for kind in sorted(seen.types)],
        "crs": known.to_json_dict(),
        "covering": {"bbox": {side: [_BOX, side] for side in _SIDES}},
    }
    if seen.types:
        described["bbox"] = [*seen.low.tolist(), *seen.high.tolist()]
    return {"version": "1.1.0", "primary_column": geometry, "columns": {geometry: described}}
