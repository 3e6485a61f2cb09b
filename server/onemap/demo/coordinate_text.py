"""Write parcels as coordinate text (界址点坐标交换格式), in the forms that surveyors hand in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.grid import Floats
from onemap.geo.area import measure_for
from onemap.geo.rounding import hectares


@dataclass(frozen=True)
class Plot:
    """A parcel of the file: polygon or multi-polygon in a Gauss-Krueger CRS, number, name, use and its code."""

    geometry: Any
    number: str
    name: str
    use: str
    code: str


@dataclass(frozen=True)
class TextStyle:
    """How a file is written: ``srid`` decides whether eastings carry the zone; the rest are habits of its writer."""

    srid: int
    version: str = "1.01版本"
    zone: int = 38
    prefix: str = "J"
    closed: bool = True
    places: int = 3
    long_header: bool = False
    project: tuple[tuple[str, str], ...] = ()


def coordinate_text(plots: list[Plot], style: TextStyle) -> str:
    """Return the text of a file, lines ended by a single line feed; encode and end lines as the form asks."""
    lines = ["[项目信息]", *(f"{key}={value}" for key, value in style.project), ""] if style.project else []
    lines += ["[属性描述]"]
    lines += [f"格式版本号={style.version}"] if style.version else []
    lines += ["数据产生单位=示范省自然资源厅", "数据产生日期=2025-12-31"] if style.version else []
    lines += ["坐标系=2000国家大地坐标系", "几度分带=3", "投影类型=高斯克吕格", "计量单位=米", f"带号={style.zone}"]
    lines += [f"精度={10.0**-style.places:.{style.places}f}", "转换参数=,,,,,,", "[地块坐标]"]
    for plot in plots:
        lines += _plot(plot, style)
    return "\n".join(lines) + "\n"


def _plot(plot: Plot, style: TextStyle) -> list[str]:
    points: list[str] = []
    number = 0
    for ring, coordinates in enumerate(_rings(plot.geometry), start=1):
        first = number + 1
        for step, (x, y) in enumerate(coordinates):
            last = step == len(coordinates) - 1
            if last and not style.closed:
                break
            number += not last
            name = f"{style.prefix}{first if last else number}"
            points.append(f"{name},{ring},{y:.{style.places}f},{x:.{style.places}f}")
    area = hectares(measure_for(style.srid).area(plot.geometry))
    tail = f"{plot.code},@" if not style.long_header else f"{plot.code},新增,{plot.use},,,,@"
    return [f"{len(points)},{area},{plot.number},{plot.name},面,,{plot.use},{tail}", *points]


def _rings(geometry: Any) -> list[Floats]:
    """Return the closed rings, shells clockwise from their north-western vertex, each before its holes."""
    rings: list[Floats] = []
    for polygon in shapely.get_parts(geometry):
        clockwise = shapely.normalize(polygon)
        for number, ring in enumerate(shapely.get_rings(clockwise)):
            rings.append(_started(ring, clockwise=number == 0))
    return rings


def _started(ring: NDArray[Any] | Any, clockwise: bool) -> Floats:
    coordinates = shapely.get_coordinates(ring)[:-1]
    if shapely.is_ccw(ring) == clockwise:
        coordinates = coordinates[::-1]
    start = int(np.argmin(coordinates[:, 0] - coordinates[:, 1]))
    turned = np.roll(coordinates, -start, axis=0)
    return np.vstack([turned, turned[:1]])
