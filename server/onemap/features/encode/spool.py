"""Features put aside on disk, by family of geometry, for formats whose header depends on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from onemap.features.encode.columns import wkb_array

# By the type numbers of shapely: 0 Point, 1 LineString, 3 Polygon, 4 to 6 their multiples, 7 GeometryCollection.
_NAMES = {0: "Point", 1: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}
_NAMES |= {7: "GeometryCollection"}
_SINGLE = {4: 0, 5: 1, 6: 3}
_BUILD = {4: shapely.multipoints, 5: shapely.multilinestrings, 6: shapely.multipolygons}
Turn = Callable[[Any], Any]


@dataclass
class Spool:
    """An Arrow file and what was seen on the way: geometry types, missing geometries, number of features.

    Use as a context manager around the writing; the geometry is the last column.
    """

    path: Path
    schema: pa.Schema
    kinds: set[int] = field(default_factory=set)
    missing: int = 0
    count: int = 0

    def __enter__(self) -> Spool:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer = pa.ipc.new_file(str(self.path), self.schema, options=options)
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, batch: Any, geometries: NDArray[np.object_]) -> None:
        """Append a record batch whose geometry column was made of these geometries."""
        kinds = shapely.get_type_id(geometries)
        self.kinds |= set(np.unique(kinds[kinds >= 0]).tolist())
        self.missing += int((kinds < 0).sum())
        self.count += len(geometries)
        self._writer.write_batch(batch)

    def geometry_type(self, otherwise: str) -> str:
        """Return the type that holds all geometries: single, multiple, or Unknown for several families."""
        families = {_SINGLE.get(kind, kind) for kind in self.kinds}
        if not families:
            return otherwise
        return _NAMES[max(self.kinds)] if len(families) == 1 else "Unknown"

    def reader(self, schema: pa.Schema, check: Callable[[], None], turn: Turn = lambda batch: batch) -> Any:
        """Return a reader of the record batches, each turned into one of ``schema``, single parts promoted."""
        return pa.RecordBatchReader.from_batches(schema, self._read(check, turn))

    def _read(self, check: Callable[[], None], turn: Turn) -> Iterator[Any]:
        mixed = len(self.kinds) == 2 and len({_SINGLE.get(kind, kind) for kind in self.kinds}) == 1
        with pa.OSFile(str(self.path)) as source, pa.ipc.open_file(source) as file:
            for number in range(file.num_record_batches):
                check()
                batch = file.get_batch(number)
                yield turn(_promoted(batch, max(self.kinds)) if mixed else batch)


def _promoted(batch: Any, multiple: int) -> Any:
    """Return the record batch with all geometries of the multiple type."""
    last = batch.num_columns - 1
    shapes = shapely.from_wkb(batch.column(last).to_numpy(zero_copy_only=False))
    single = np.flatnonzero(shapely.get_type_id(shapes) == _SINGLE[multiple])
    shapes[single] = _BUILD[multiple](shapes[single], indices=np.arange(len(single)))
    return batch.set_column(last, batch.schema.field(last), wkb_array(shapes))


def declared_type(geometry_type: str) -> str:
    """Return GDAL's name of an OGC geometry type in upper case."""
    return next((name for name in _NAMES.values() if name.upper() == geometry_type), "Unknown")
