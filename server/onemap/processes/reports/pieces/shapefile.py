"""Pieces as Shapefiles in an archive, one for each layer that has any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from onemap.encode.dbase import Fitted, field_list, short_names
from onemap.processes.reports.archive import zipped
from onemap.processes.reports.pieces.tables import PieceTable, fitted

_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
_GEOMETRY = "piece_geometry"  # longer than any field name
_UNDATED = "1980-01-01"


def shapefile_bytes(tables: list[PieceTable], folder: Path, encoding: str) -> bytes:
    """Return the archive; ``<layer>_fields.csv`` leads from the short field names back to the full ones."""
    parts: list[tuple[str, bytes]] = []
    for table in tables:
        if not len(table):
            continue
        target = folder / table.name
        target.mkdir()
        parts.append((f"{table.name}_fields.csv", _write(table, target / f"{table.name}.shp", encoding)))
        parts += [(path.name, path.read_bytes()) for path in target.iterdir()]
    return zipped(sorted(parts))


def _write(table: PieceTable, path: Path, encoding: str) -> bytes:
    """Write one Shapefile and return the list of its fields."""
    import pyogrio.raw  # loads GDAL

    names = short_names(list(table.types), encoding)
    fields = [Fitted(short, name, None) for short, name in zip(names, table.types, strict=True)]
    columns = [_array(table, item, encoding) for item in fields]
    batch = pa.record_batch([*columns, pa.array(shapely.to_wkb(_flat(table.geometries)), pa.binary())],
                            names=[*names, _GEOMETRY])  # fmt: skip
    pyogrio.raw.write_arrow(
        pa.RecordBatchReader.from_batches(batch.schema, [batch]),
        path,
        driver="ESRI Shapefile",
        geometry_name=_GEOMETRY,
        geometry_type="Polygon",
        crs=f"EPSG:{table.crs.srid}",
        encoding=encoding.upper(),
        layer_options={"DBF_DATE_LAST_UPDATE": _UNDATED},
    )
    return field_list(fields)


def _array(table: PieceTable, item: Fitted, encoding: str) -> Any:
    array = pa.array(fitted(table, item.original), _TYPES[table.types[item.original]])
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int32())
    return item.turn(item.fit(array, encoding))


def _flat(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.asarray(shapely.force_2d(geometries), dtype=object)
