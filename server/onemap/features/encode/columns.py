"""Features as Arrow record batches: the form in which the binary formats are written.

Stores give what is stored, which SQLite does not hold to its column type. A value that its field's type
cannot hold (a text in an integer field, a day that does not exist) is written as NULL, and logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from onemap.catalog import Field
from onemap.features.encode.context import Context, placed, unique
from onemap.store import Batch

_TYPES: dict[str, tuple[Any, type[object] | None]] = {
    "string": (pa.string(), str),
    "integer": (pa.int64(), int),
    "number": (pa.float64(), float),
    "boolean": (pa.bool_(), bool),
    "date": (pa.date32(), None),
    "datetime": (pa.timestamp("ms", "UTC"), None),
    "binary": (pa.binary(), bytes),
}
_LOG = logging.getLogger(__name__)
_WKB = {b"ARROW:extension:name": b"geoarrow.wkb"}


def arrow_schema(context: Context, *, reserved: tuple[str, ...] = ()) -> pa.Schema:
    """Return the schema: id column where no field holds the id, the fields, and the geometry as WKB last.

    The geometry column has the name of the table's, numbered where a field or ``reserved`` has it.
    """
    taken = {name.lower() for name in reserved}
    keys = [pa.field(unique(context.key_column, taken), key_type(context))] if context.key_column else []
    fields = [pa.field(unique(field.name, taken), _TYPES[field.type][0]) for field in context.fields]
    geometry = pa.field(unique(context.collection.table.geometry_column, taken), pa.binary(), metadata=_WKB)
    return pa.schema([*keys, *fields, geometry])


def key_type(context: Context) -> pa.DataType:
    """Return the Arrow type of the feature ids."""
    return pa.int64() if context.integer_key else pa.string()


def record_batch(batch: Batch, context: Context, schema: pa.Schema, shapes: NDArray[np.object_] | None = None) -> Any:
    """Return the features as a record batch of the schema.

    Coordinates are x, y of the CRS asked for; ``shapes`` are the geometries where they are placed already.
    """
    geometries = placed(batch, context) if shapes is None else shapes
    keys = [pa.array(list(batch.keys), key_type(context))] if context.key_column else []
    columns = [column(batch.columns[field.name], field) for field in context.fields]
    return pa.record_batch([*keys, *columns, wkb_array(geometries)], schema=schema)


def wkb_array(geometries: NDArray[np.object_]) -> pa.Array:
    """Return geometries as little-endian, two-dimensional WKB."""
    return pa.array(shapely.to_wkb(geometries, output_dimension=2, byte_order=1), pa.binary())


def column(values: Sequence[object], field: Field) -> pa.Array:
    """Return the values as an array of the field's type, exact; what the type cannot hold becomes NULL."""
    arrow, plain = _TYPES[field.type]
    kinds = set(map(type, values)) - {type(None)}
    try:
        if plain is None:
            return pa.array(values, pa.string()).cast(arrow)
        if kinds <= {plain}:
            return pa.array(values, arrow)
    except (pa.ArrowException, OverflowError):
        pass
    return pa.array([_held(value, field) for value in values], arrow)


def _held(value: object, field: Field) -> object:
    if value is None:
        return None
    try:
        return _READ[field.type](value)
    except (ValueError, TypeError, OverflowError):
        _LOG.warning("%r in the field %s is no %s: written as NULL", value, field.name, field.type)
        return None


def _integer(value: Any) -> int:
    whole = int(value)
    if (isinstance(value, float) and whole != value) or not -(2**63) <= whole < 2**63:
        raise ValueError
    return whole


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_READ: dict[str, Callable[[Any], object]] = {
    "string": str,
    "integer": _integer,
    "number": float,
    "boolean": bool,
    "date": lambda value: date.fromisoformat(value[:10]),
    "datetime": _moment,
    "binary": bytes,
}
