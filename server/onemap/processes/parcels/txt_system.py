"""Which Gauss-Krueger zone a parcel coordinate file is in, from its attributes and from the size of its numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from onemap.block.query import shorten
from onemap.errors import InvalidBody, UnusableParcel
from onemap.geo.crs import Crs
from onemap.geo.gauss_kruger import zone_of
from onemap.processes.parcels.model import Note
from onemap.processes.parcels.systems import agree, known, wrong_datum
from onemap.processes.parcels.txt_lines import Block, Lines, Point

_DIGITS = re.compile(r"\d+", re.ASCII)
_FIRST = {(3, True): 4488, (3, False): 4509, (6, True): 4478, (6, False): 4489}
"""EPSG code less zone number, by width in degrees and whether eastings carry the zone number."""
_ZONES = {3: range(25, 46), 6: range(13, 24)}
_GRACE = 1.0
_TEXT = "the parcel text"


def system_of(lines: Lines, asked: Crs | None) -> Crs:
    """Return the system of a file whose axes are settled: zone prefix of the eastings, 带号 and 几度分带 must agree.

    Raises UnusableParcel for another datum than CGCS2000, for contradicting zones and for a zone that nothing names;
    InvalidParameter when ``asked`` is another system.
    """
    said = _datum(lines.attributes)
    _check_units(lines.attributes)
    width, zone = _stated(lines.attributes)
    prefix = _prefix([point for block in lines.blocks for point in block.points if not point.twice])
    if prefix is not None and zone is not None and prefix != zone:
        raise UnusableParcel(f"The eastings begin with zone {prefix}, but 带号 says {zone}.")
    number = prefix if prefix is not None else zone
    if number is None or not (said or asked):
        return _asked(asked, prefix is not None)
    natural = next((degrees for degrees, zones in _ZONES.items() if number in zones), None)
    if natural is None or (width is not None and width != natural):
        raise UnusableParcel(
            f"Zone {number} is not a zone of {width or 3} degrees.", "3 degrees: 25-45; 6 degrees: 13-23."
        )
    crs = known()[_FIRST[natural, prefix is not None] + number]
    return agree(crs, asked, _TEXT) or crs


def _datum(attributes: Mapping[str, str]) -> bool:
    """Return whether the file says CGCS2000; another datum is refused."""
    name = re.sub(r"\s", "", attributes.get("坐标系", "")).upper()
    if "2000" in name:
        return True
    if "西安" in name or "XIAN" in name or "80" in name:
        raise wrong_datum("Xi'an 1980 (西安80)", "its 坐标系")
    if "北京" in name or "BEIJING" in name or "54" in name:
        raise wrong_datum("Beijing 1954 (北京54)", "its 坐标系")
    if name:
        raise UnusableParcel(f"The datum '{shorten(name, 30)}' is not known.", "坐标系=2000国家大地坐标系 is.")
    return False


def _check_units(attributes: Mapping[str, str]) -> None:
    unit, projection = attributes.get("计量单位", ""), attributes.get("投影类型", "")
    if unit and unit.lower() not in ("米", "m", "metre", "meter"):
        raise UnusableParcel(f"The unit '{shorten(unit, 20)}' is not metres.")
    if projection and "高斯" not in projection and "GAUSS" not in projection.upper():
        raise UnusableParcel(f"The projection '{shorten(projection, 20)}' is not Gauss-Krueger.")


def _stated(attributes: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the zone's width in degrees and its number, as far as the attributes say."""
    numbers = [_DIGITS.search(attributes.get(key, "")) for key in ("几度分带", "带号")]
    width, zone = (int(match[0]) if match else None for match in numbers)
    if width not in (None, 3, 6):
        raise UnusableParcel(f"几度分带 is {width}; zones are 3 or 6 degrees wide.")
    return width, zone


def _prefix(points: list[Point]) -> int | None:
    """Return the zone number that the eastings begin with, None when they carry none."""
    found = {int(point.fourth // 1_000_000) for point in points}
    if found == {0}:
        return None
    if len(found) != 1:
        odd = next(point for point in points if int(point.fourth // 1_000_000) != int(points[0].fourth // 1_000_000))
        raise UnusableParcel(f"Line {odd.line}: the eastings carry different zone numbers.", line=odd.line)
    return found.pop()


def _asked(asked: Crs | None, prefixed: bool) -> Crs:
    if asked is None:
        raise UnusableParcel(
            "The parcel text does not say its datum and zone (坐标系, 带号).", "Name the system in the input 'crs'."
        )
    zone = zone_of(asked.srid)
    if zone is None or (zone.false_easting > 1_000_000) != prefixed:
        raise UnusableParcel(f"The coordinates of the parcel text do not fit {asked.uri}.")
    return asked


def settle_axes(lines: Lines) -> None:
    """Bring every point to third = northing (7 digits), fourth = easting; swap all of them when they are swapped.

    Raises UnusableParcel naming the line when they are neither, InvalidBody when both orders occur.
    """
    points = [point for block in lines.blocks for point in block.points]
    swapped = [_swapped(point) for point in points]
    if not any(swapped):
        return
    if not all(swapped):
        odd = points[swapped.index(not swapped[0])]
        raise InvalidBody(f"Line {odd.line}: X and Y stand in another order than in the lines before.")
    for block in lines.blocks:
        block.points = [_swap(point) for point in block.points]
    lines.notes.append(Note("axes-swapped", "X (north) and Y (east) stand swapped in the file and were exchanged."))


def _swap(point: Point) -> Point:
    return Point(point.label, point.ring, point.fourth, point.third, point.line)


def _swapped(point: Point) -> bool:
    """Whether a point has its easting first; northings in China have 7 digits, eastings 6, or 8 with the zone."""
    if _northing(point.third) and _easting(point.fourth):
        return False
    if _northing(point.fourth) and _easting(point.third):
        return True
    if point.twice and _northing(point.third):  # the rings deal with it
        return False
    raise UnusableParcel(
        f"Line {point.line}: {point.third:.10g}, {point.fourth:.10g} are not X (north), Y (east) in metres.",
        line=point.line,
    )


def _northing(value: float) -> bool:
    return 1e6 <= value < 1e7


def _easting(value: float) -> bool:
    return 1e5 <= value < 1e6 or 1.3e7 <= value < 4.6e7


def check_zone(block: Block, index: int, crs: Crs) -> UnusableParcel | None:
    """Return an error when a parcel lies more than a degree outside the strip of its zone (by its eastings)."""
    zone = zone_of(crs.srid)
    if zone is None:
        return None
    half = (1.5 if crs.srid >= 4513 else 3.0) + _GRACE
    for point in block.points:
        # A degree of longitude is at most 111.4 km; the cosine of the latitude is taken on the sphere.
        reach = half * 111_400 * max(0.1, _cosine(point.third))
        if not point.twice and abs(point.fourth - zone.false_easting) > reach:
            return UnusableParcel(
                f"Line {point.line}: the easting {point.fourth:.10g} lies outside the zone of {crs.uri}.",
                parcel={"index": index, "id": block.value(2) or None},
                line=point.line,
            )
    return None


def _cosine(northing: float) -> float:
    return math.cos(northing / 6_367_449)
