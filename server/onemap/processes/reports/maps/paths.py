"""Geometries as SVG paths, in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.processes.reports.xml import in_xml

_POLYGON, _LINE = 3, (1, 2)
Geometries = NDArray[np.object_]


def path_of(geometries: Geometries, closed: bool) -> str:
    """Return the path of polygons (shells and holes turn in opposite ways) or of lines; empty where there is nothing.

    ``closed``: only polygons, for what is filled; otherwise the borders of polygons and lines, for what is drawn.
    """
    parts = shapely.get_parts(geometries)
    parts = shapely.get_parts(parts) if len(parts) else parts
    polygons = parts[shapely.get_type_id(parts) == _POLYGON]
    pieces = [_text(ring, True) for ring in _rings(polygons)]
    if not closed:
        lines = parts[np.isin(shapely.get_type_id(parts), _LINE)]
        pieces += [_text(line, False) for line in lines]
    return "".join(pieces)


def points_of(geometries: Geometries) -> NDArray[np.float64]:
    """Return the points among geometries, shape (n, 2)."""
    parts = shapely.get_parts(geometries)
    return np.asarray(shapely.get_coordinates(parts[shapely.get_type_id(parts) == 0]))


def _rings(polygons: Geometries) -> Iterator[Any]:
    if len(polygons):
        yield from shapely.get_rings(shapely.orient_polygons(polygons))


def _text(line: Any, closed: bool) -> str:
    xy = np.round(shapely.get_coordinates(line), 1)
    if closed:
        xy = xy[:-1]
    if len(xy) < 2 + closed:
        return ""
    places = " ".join(f"{x:g},{y:g}" for x, y in xy.tolist())
    return f"M{places}" + ("Z" if closed else "")


def element(name: str, body: str = "", **attributes: object) -> str:
    """Return an element; ``_`` in names of attributes stands for a hyphen, None leaves one out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{told}>{body}</{name}>" if body else f"<{name}{told}/>"


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escape(in_xml(str(value)), {'"': "&quot;"})


def text(x: float, y: float, words: str, size: float, colour: str, anchor: str = "start", halo: float = 0) -> str:
    """Return a text, with a white halo where one is asked for."""
    common: dict[str, object] = {"x": round(x, 1), "y": round(y, 1), "font_size": size, "text_anchor": anchor}
    said = escape(in_xml(words))
    below = element("text", said, **common, fill="#fff", stroke="#fff", stroke_width=halo * 2, stroke_linejoin="round")
    return (below if halo else "") + element("text", said, **common, fill=colour)
