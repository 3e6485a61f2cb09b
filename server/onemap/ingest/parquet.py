"""Read GeoParquet (1.0 and 1.1, WKB encoding) with pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow
import pyarrow.parquet
import shapely
from numpy.typing import NDArray

from onemap.errors import ConfigError

_DEFAULT_CRS = "OGC:CRS84"


def read_parquet(path: Path) -> tuple[str, Any, NDArray[Any], dict[str, Any]]:
    """Return name, CRS (PROJJSON; CRS84 where it is not said), geometries and columns. Raises ConfigError."""
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ConfigError(f"'{path.name}' cannot be read: {error}.") from None
    metadata = (table.schema.metadata or {}).get(b"geo")
    if metadata is None:
        raise ConfigError(f"'{path.name}' is Parquet, but not GeoParquet: it has no 'geo' metadata.")
    geo = orjson.loads(metadata)
    primary = geo["primary_column"]
    described = geo["columns"][primary]
    if described.get("encoding") != "WKB":
        raise ConfigError(f"'{path.name}': the geometry encoding {described.get('encoding')} is not WKB.")
    geometries = shapely.from_wkb(np.asarray(table.column(primary).to_pylist(), dtype=object))
    others = [name for name in table.column_names if name not in geo["columns"] and _simple(table.schema.field(name))]
    columns = {name: _column(table.column(name), table.schema.field(name).type) for name in others}
    return path.stem, described.get("crs", _DEFAULT_CRS), geometries, columns


def _simple(field: pyarrow.Field) -> bool:
    kind = field.type
    return not (pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind) or pyarrow.types.is_struct(kind))


def _column(values: pyarrow.ChunkedArray, kind: pyarrow.DataType) -> Any:
    """Return a column as an array; dates as text with their GeoPackage type."""
    plain = values.to_pylist()
    if pyarrow.types.is_date(kind):
        return np.array([None if value is None else value.isoformat() for value in plain], dtype=object), "DATE"
    if pyarrow.types.is_timestamp(kind):
        return np.array([None if value is None else value.isoformat() for value in plain], dtype=object), "DATETIME"
    if pyarrow.types.is_integer(kind):
        return np.array(plain, dtype=object), "INTEGER"
    if pyarrow.types.is_boolean(kind) or pyarrow.types.is_floating(kind):
        return np.array(plain, dtype=object), "BOOLEAN" if pyarrow.types.is_boolean(kind) else "REAL"
    return np.array([value if value is None else str(value) for value in plain], dtype=object)
