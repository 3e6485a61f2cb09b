"""Read a vector file: GeoPackage, Shapefile (also zipped, also GBK), GeoJSON, FlatGeobuf or GeoParquet."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj.exceptions import CRSError

from onemap.errors import ConfigError
from onemap.geo.crs import refuse_datum
from onemap.ingest.parquet import read_parquet
from onemap.store.geopackage.writer import FieldSpec

FORMATS = (".gpkg", ".shp", ".zip", ".geojson", ".json", ".fgb", ".parquet", ".geoparquet")
_KINDS = {"i": "INTEGER", "u": "INTEGER", "f": "REAL", "b": "BOOLEAN", "M": "DATETIME"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as read: geometries in x, y of EPSG ``srid``, and columns of equal length by name."""

    name: str
    srid: int
    geometries: NDArray[np.object_]
    fields: tuple[FieldSpec, ...]
    columns: dict[str, list[Any]]


def read_layer(path: Path, layer: str | None = None, srid: int | None = None, encoding: str | None = None) -> Layer:
    """Return one layer of a file, two-dimensional.

    ``srid`` is used where the file does not say its CRS; a contradiction raises ConfigError, as do an
    unknown format, a datum without authorised transformation, and a file that cannot be read.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"'{path.name}' is not a format that can be imported.", f"Formats: {', '.join(FORMATS)}.")
    if not path.exists():
        raise ConfigError(f"There is no file '{path}'.")
    parquet = path.suffix.lower() in (".parquet", ".geoparquet")
    name, crs, geometries, columns = read_parquet(path) if parquet else _read_ogr(path, layer, encoding)
    code = epsg_code(crs, srid)
    fields, values = _fields(columns)
    return Layer(name, code, np.asarray(shapely.force_2d(geometries), dtype=object), fields, values)


def _read_ogr(path: Path, layer: str | None, encoding: str | None) -> tuple[str, Any, NDArray[Any], dict[str, Any]]:
    chosen = encoding or shapefile_encoding(path)
    try:
        names = [str(item[0]) for item in pyogrio.list_layers(path) if item[1] is not None]
        if layer is None and len(names) != 1:
            raise ConfigError(f"'{path.name}' has {len(names)} layers: {', '.join(names)}.", "Choose one with --layer.")
        meta, _, wkb, data = pyogrio.raw.read(path, layer=layer or names[0], encoding=chosen, datetime_as_string=True)
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path.name}' cannot be read: {error}.", "For a Shapefile, try --encoding gbk.") from None
    columns = {
        str(field): _typed(values, kind)
        for field, values, kind in zip(meta["fields"], data, meta["dtypes"], strict=True)
    }
    return layer or (path.stem if len(names) == 1 else names[0]), meta["crs"], shapely.from_wkb(wkb), columns


def _typed(values: NDArray[Any], kind: str) -> Any:
    """Return the values; dates, which arrive as text, marked by their numpy kind."""
    return (values, "DATE" if kind == "datetime64[D]" else "DATETIME") if kind.startswith("datetime64") else values


def shapefile_encoding(path: Path) -> str | None:
    """Return the encoding of a Shapefile without .cpg by looking at its attributes: UTF-8 if they are, else GB18030.

    None leaves the choice to the .cpg file or the format.
    """
    if path.suffix.lower() == ".shp":
        table = path.with_suffix(".dbf")
        if path.with_suffix(".cpg").exists() or not table.exists():
            return None
        return sniff(table.read_bytes())
    if path.suffix.lower() != ".zip" or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        names = {name.lower(): name for name in archive.namelist()}
        table_name = next((name for low, name in names.items() if low.endswith(".dbf")), None)
        if table_name is None or any(low.endswith(".cpg") for low in names):
            return None
        return sniff(archive.read(table_name))


def sniff(table: bytes) -> str:
    """Return UTF-8 or GB18030 for the bytes of a dBASE table, judged by its field names and records."""
    header = struct.unpack_from("<H", table, 8)[0] if len(table) >= 32 else 0
    try:
        (table[32:header] + table[header:]).replace(b"\x00", b"").decode("utf-8")
    except UnicodeDecodeError:
        return "GB18030"
    return "UTF-8"


def epsg_code(found: Any, given: int | None) -> int:
    """Return the EPSG code of a file's CRS, or ``given`` where it has none. Raises ConfigError."""
    if found is None:
        if given is None:
            raise ConfigError("The file does not say its coordinate reference system.", "Give it: --crs 4490")
        return given
    try:
        crs = pyproj.CRS.from_user_input(found)
    except CRSError as error:
        raise ConfigError(f"The coordinate reference system is not understood: {error}.") from None
    refuse_datum(crs)
    code = crs.to_epsg(min_confidence=60) or (4326 if crs.to_authority() == ("OGC", "CRS84") else None)
    if code is None and given is None:
        raise ConfigError(f"'{crs.name}' has no EPSG code.", "Give the code: --crs 4490")
    if code is not None and given is not None and code != given:
        raise ConfigError(f"The file says EPSG:{code}, --crs says EPSG:{given}.", "Leave --crs out, or mend the file.")
    return code or given or 0


def _fields(columns: dict[str, Any]) -> tuple[tuple[FieldSpec, ...], dict[str, list[Any]]]:
    """Return a field for each column that SQLite can hold, and the values as plain Python objects."""
    fields: list[FieldSpec] = []
    values: dict[str, list[Any]] = {}
    for name, column in columns.items():
        data, kind = column if isinstance(column, tuple) else (column, _kind(column))
        safe = name if name.lower() not in ("fid", "geom") else f"{name}_1"
        fields.append(FieldSpec(safe, kind))
        values[safe] = [_plain(value, kind) for value in data.tolist()]
    return tuple(fields), values


def _kind(values: NDArray[Any]) -> str:
    if values.dtype.kind in _KINDS:
        whole = values.dtype.kind == "f" and _whole(values)
        return "INTEGER" if whole else _KINDS[values.dtype.kind]
    if all(value is None or isinstance(value, bool) for value in values.tolist()):
        return "BOOLEAN"
    return "TEXT"


def _whole(values: NDArray[Any]) -> bool:
    """Whether floats are integers that became floats because some are missing."""
    known = values[~np.isnan(values)]
    return len(known) < len(values) and len(known) > 0 and bool((known == np.round(known)).all())


def _plain(value: Any, kind: str) -> Any:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124  (not a number)
        return None
    if kind == "INTEGER":
        return int(value)
    if kind == "TEXT":
        return value if isinstance(value, str) else _as_text(value)
    if kind in ("DATE", "DATETIME"):
        return _as_time(str(value), kind)
    return value


def _as_text(value: Any) -> str:
    return str(value.tolist() if isinstance(value, np.ndarray) else value)


def _as_time(text: str, kind: str) -> str | None:
    if text in ("", "NaT"):
        return None
    day, _, clock = text.replace("T", " ").partition(" ")
    return day if kind == "DATE" else f"{day}T{(clock or '00:00:00').rstrip('Z')[:12]}Z"
