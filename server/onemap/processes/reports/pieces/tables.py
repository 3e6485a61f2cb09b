"""The tables of a file of pieces: the parcels, then each layer, with areas and attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import Crs
from onemap.processes.analysis import Analysis, PieceLayer

ValueType = Literal["string", "integer", "number", "boolean"]
AREA = "piece_area_m2"
"""The column with the area of each piece, m2; a layer may have a column 'area' of its own."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class PieceTable:
    """A table: geometries in x, y of ``crs``, and columns with their types, an entry for each geometry."""

    name: str
    title: str
    crs: Crs
    geometries: NDArray[np.object_]
    types: Mapping[str, ValueType]
    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(self.geometries)


def tables_of(analysis: Analysis) -> list[PieceTable]:
    """Return the parcels and the pieces of each layer; names are unlike also in capitals."""
    parcels = analysis.parcels
    own: dict[str, Sequence[Any]] = {
        "index": [parcel.index + 1 for parcel in parcels.parcels],
        "id": [parcel.id for parcel in parcels.parcels],
        "name": [parcel.name for parcel in parcels.parcels],
    }
    made = [_table("parcels", "parcels", parcels.crs, parcels.geometries, np.array(parcels.areas), own)]
    taken = {"parcels"}
    for layer in analysis.pieces():
        name = _free(_NOT_IN_NAMES.sub("_", layer.name)[:50] or "layer", taken)
        made.append(_of_layer(name, layer))
    return made


def _of_layer(name: str, layer: PieceLayer) -> PieceTable:
    return _table(name, layer.title, layer.crs, layer.geometries, layer.areas, layer.columns)


def _table(
    name: str,
    title: str,
    crs: Crs,
    geometries: NDArray[np.object_],
    areas: NDArray[np.float64],
    columns: Mapping[str, Sequence[Any]],
) -> PieceTable:
    taken = {"fid", "geom", AREA}
    plain = {_free(key, taken): [_plain(value) for value in values] for key, values in columns.items()}
    plain[AREA] = areas.tolist()
    return PieceTable(name, title, crs, geometries, {key: _type(values) for key, values in plain.items()}, plain)


def _free(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    made, number = name, 2
    while made.lower() in taken:
        made, number = f"{name}_{number}", number + 1
    taken.add(made.lower())
    return made


def _plain(value: Any) -> Any:
    """Return a value as a file can hold it: numbers of numpy and dates turned."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return None if isinstance(value, bytes) else str(value)


def _type(values: Sequence[Any]) -> ValueType:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    return "number" if kinds and kinds <= {int, float} else "string"


def fitted(table: PieceTable, name: str) -> list[Any]:
    """Return a column with all its values of its type."""
    values = table.columns[name]
    if table.types[name] == "string":
        return [value if value is None or isinstance(value, str) else str(value) for value in values]
    if table.types[name] == "number":
        return [value if value is None else float(value) for value in values]
    return list(values)
