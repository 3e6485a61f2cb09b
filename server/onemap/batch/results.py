"""The results of a file of parcels as bytes: JSON lines, CSV or GeoParquet. The same answers give the same bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow
import pyarrow.parquet
import pyproj
import shapely

from onemap.batch.answer import Answer
from onemap.batch.order import Format
from onemap.batch.rows import Row
from onemap.geo.crs import Crs

_GEOMETRY, _RESULT = "geometry", "result"


def encode(form: Format, answers: Sequence[Answer], rows: Sequence[Row], types: Mapping[str, type], crs: Crs) -> bytes:
    """Return the bytes of a results file. ``crs``: of the parcels, whose coordinates are written as they are stored."""
    if form == "jsonl":
        return b"".join(answer.json() + b"\n" for answer in answers)
    if form == "csv":
        return _csv(rows, types)
    return _parquet(answers, rows, types, crs)


def _csv(rows: Sequence[Row], types: Mapping[str, type]) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, list(types), extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def _parquet(answers: Sequence[Answer], rows: Sequence[Row], types: Mapping[str, type], crs: Crs) -> bytes:
    kinds = {float: pyarrow.float64(), str: pyarrow.string()}
    arrays: dict[str, Any] = {
        name: pyarrow.array([row.get(name) for row in rows], kinds[kind]) for name, kind in types.items()
    }
    arrays[_RESULT] = pyarrow.array([_text(answer) for answer in answers], pyarrow.string())
    arrays[_GEOMETRY] = pyarrow.array([answer.shape or None for answer in answers], pyarrow.binary())
    table = pyarrow.table(arrays).replace_schema_metadata({"geo": orjson.dumps(_geo(answers, crs))})
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _text(answer: Answer) -> str | None:
    return None if answer.result is None else orjson.dumps(answer.result).decode()


def _geo(answers: Sequence[Answer], crs: Crs) -> dict[str, Any]:
    shapes = shapely.from_wkb(np.array([answer.shape for answer in answers if answer.shape], dtype=object))
    kinds = sorted({shape.geom_type for shape in shapes.tolist()})
    known = pyproj.CRS.from_epsg(crs.srid).to_json_dict()
    column = {"encoding": "WKB", "geometry_types": kinds, "crs": known}
    return {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}
