"""Write features as CSV (RFC 4180): UTF-8 with a byte order mark, so that Excel reads Chinese.

The geometry stands first: as WKT in the axis order of the authority, like GeoJSON; with ``geometry=xy``
points have two columns named after their axes (lon, lat or easting, northing), whatever the authority's
order. A missing value is an empty cell. Text that a spreadsheet would take for a formula (it begins with
=, +, -, @, tab or carriage return) is given an apostrophe in front; numbers are never quoted or changed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.features.encode.context import Context, limited, placed, unique
from onemap.geo.crs import Crs, same_plane
from onemap.store import Batch

_FORMULA = frozenset("=+-@\t\r")
_BOM = b"\xef\xbb\xbf"


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield the header, then the rows of each batch."""
    yield _BOM + _lines([_header(context)])
    for batch in limited(batches, context):
        keys = [batch.keys] if context.key_column else []
        columns = [_cells(values) for values in (*keys, *batch.columns.values())]
        yield _lines(zip(*_geometry(batch, context), *columns, strict=True))


def _lines(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _header(context: Context) -> list[object]:
    style = context.options.headers
    keys = [context.key_column] if context.key_column else []
    titles = [field.name if style == "name" else field.title.get(style) for field in context.fields]
    taken: set[str] = set()
    named = [unique(title, taken) for title in (*keys, *titles)]
    return [*(unique(name, taken) for name in _geometry_names(context)), *_cells(named)]


def _geometry_names(context: Context) -> list[str]:
    kind = context.options.geometry
    if kind == "xy":
        return ["lon", "lat"] if context.crs.geographic else ["easting", "northing"]
    return ["WKT"] if kind == "wkt" else []


def _cells(values: Sequence[object]) -> Sequence[object]:
    """Return the values as cells: formulas disarmed, true and false in lower case."""
    kinds = set(map(type, values))
    if bool in kinds:
        values = [str(value).lower() if isinstance(value, bool) else value for value in values]
    return list(map(_disarmed, values)) if str in kinds else values


def _disarmed(value: object) -> object:
    return "'" + value if isinstance(value, str) and value[:1] in _FORMULA else value


def _geometry(batch: Batch, context: Context) -> list[Sequence[object]]:
    if context.options.geometry == "none":
        return []
    shapes = placed(batch, context)
    decimals = None if same_plane(context.storage, context.crs) else context.crs.decimals
    if context.options.geometry == "xy":
        return [_rounded(shapely.get_x(shapes), decimals), _rounded(shapely.get_y(shapes), decimals)]
    if context.crs.swapped or decimals is not None:
        shapes = shapely.transform(shapes, partial(_written, crs=context.crs, decimals=decimals))
    return [shapely.to_wkt(shapes, rounding_precision=-1).tolist()]


def _written(xy: NDArray[np.float64], crs: Crs, decimals: int | None) -> NDArray[np.float64]:
    """Return coordinates as they are written: rounded, in the axis order of the authority."""
    exact = xy if decimals is None else np.asarray(np.round(xy, decimals))
    return exact[:, ::-1] if crs.swapped else exact


def _rounded(values: NDArray[np.float64], decimals: int | None) -> list[float | None]:
    exact = values if decimals is None else np.round(values, decimals)
    return [None if value != value else value for value in exact.tolist()]  # noqa: PLR0124  (not a number)
