"""What a partition file holds: GeoParquet 1.1 with the exact coordinates, in the collection's own system."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow
import pyarrow.parquet
import pyproj
import shapely
from numpy.typing import NDArray

from onemap.catalog import Collection, Field
from onemap.errors import ConfigError

ID, AREA, BOX = "onemap_id", "onemap_area", "onemap_box"
"""Columns beside the attributes: primary key, area of the whole feature in m2, and bounding box."""
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_TYPES: Mapping[str, tuple[Any, type[object]]] = {
    "string": (pyarrow.string(), str),
    "integer": (pyarrow.int64(), int),
    "number": (pyarrow.float64(), float),
    "boolean": (pyarrow.bool_(), bool),
    "date": (pyarrow.string(), str),
    "datetime": (pyarrow.string(), str),
    "binary": (pyarrow.binary(), bytes),
}


def encode(
    collection: Collection,
    ids: NDArray[np.int64],
    geometries: NDArray[Any],
    areas: NDArray[np.float64] | None,
    columns: Mapping[str, Sequence[Any]],
) -> tuple[bytes, NDArray[np.float64]]:
    """Return the bytes of a file and the boxes of its features, shape (n, 4). Raises ConfigError."""
    boxes = shapely.bounds(geometries).reshape(-1, 4)
    arrays: dict[str, Any] = {ID: pyarrow.array(ids)}
    for item in collection.table.fields:
        arrays[item.name] = _column(columns[item.name], item, collection.id)
    if areas is not None:
        arrays[AREA] = pyarrow.array(areas)
    arrays[BOX] = pyarrow.StructArray.from_arrays([pyarrow.array(boxes[:, at]) for at in range(4)], names=_SIDES)
    shape = collection.table.geometry_column
    arrays[shape] = pyarrow.array(shapely.to_wkb(geometries, byte_order=1, output_dimension=2), pyarrow.binary())
    table = pyarrow.table(arrays)
    geo = orjson.dumps(_geo(collection, geometries, boxes))
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata({"geo": geo}), sink, compression="zstd")
    return sink.getvalue(), boxes


def decode(table: Any, name: str) -> list[Any]:
    """Return the values of a column as Python objects."""
    values: list[Any] = table.column(name).to_pylist()
    return values


def boxes_of(table: Any) -> NDArray[np.float64]:
    """Return the boxes of features, shape (n, 4)."""
    box = table.column(BOX).combine_chunks()
    return np.column_stack([box.field(side).to_numpy(zero_copy_only=False) for side in _SIDES])


def shapes_of(values: Any) -> NDArray[Any]:
    """Return the geometries of a column of WKB."""
    return np.asarray(shapely.from_wkb(np.array(values.to_pylist(), dtype=object)))


def check_names(collection: Collection) -> None:
    """Raise ConfigError when a field has the name of a column of the form."""
    taken = {ID, AREA, BOX, collection.table.geometry_column}
    if found := sorted(taken & {item.name for item in collection.table.fields}):
        raise ConfigError(f"'{collection.id}' has a field '{found[0]}', which partitions use for themselves.")


def _column(values: Sequence[Any], item: Field, collection: str) -> Any:
    """Return values as an Arrow array. Raises ConfigError for one that the field's type does not hold."""
    arrow, plain = _TYPES[item.type]
    if item.type == "boolean":  # SQLite keeps numbers
        values = [None if value is None else bool(value) for value in values]
    if item.type == "number":
        values = [None if value is None else float(value) for value in values]
    strange = {type(value) for value in values} - {type(None), plain}
    if strange:
        raise ConfigError(
            f"'{collection}': the field '{item.name}' ({item.type}) holds a value that is a {strange.pop().__name__}.",
            "Correct the data, or choose other columns.",
        )
    return pyarrow.array(values, arrow)


def _geo(collection: Collection, geometries: NDArray[Any], boxes: NDArray[np.float64]) -> dict[str, Any]:
    """Return the metadata of GeoParquet."""
    kinds = sorted({geometry.geom_type for geometry in geometries})
    described = {
        "encoding": "WKB",
        "geometry_types": kinds,
        "crs": pyproj.CRS.from_epsg(collection.storage.srid).to_json_dict(),
        "bbox": [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()],
        "covering": {"bbox": {side: [BOX, side] for side in _SIDES}},
    }
    column = collection.table.geometry_column
    return {"version": "1.1.0", "primary_column": column, "columns": {column: described}}
