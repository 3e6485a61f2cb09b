"""Read parcel coordinate text (报部坐标 TXT)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import shapely

from onemap.errors import UnusableParcel
from onemap.geo.area import measure_for
from onemap.geo.crs import Crs
from onemap.processes.parcels.model import Limits, Note, Shape, unusable
from onemap.processes.parcels.rings import CrossingRingsError, assemble
from onemap.processes.parcels.txt_lines import Block, Lines, Point, read_lines
from onemap.processes.parcels.txt_system import check_zone, settle_axes, system_of

SAME_M = 0.001
"""Points closer than this are one (XY tolerance of the survey)."""
NEAR_M = 0.01
_HECTARE = 10_000.0
_FIELDS = ("界址点数", "地块面积", "地块编号", "地块名称", "记录图形属性", "图幅号", "地块用途", "地类编码")
_MORE_FIELDS = ("图斑类型", "地类", "改造前质量等别", "改造后质量等别", "备注")
_AREA = re.compile(r"\s*(\d+(?:\.\d*)?)\s*(\D*)", re.ASCII)
_UNITS = {1.0: "m2", 1e6: "km2", 2000 / 3: "亩"}


def read_txt(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> tuple[list[Shape], Crs, list[Note]]:
    """Return the shapes, their system and notes from a parcel coordinate file.

    Rings close by themselves, holes are found by containment, counts and areas of the headers are only compared.
    Raises InvalidBody naming the line, UnusableParcel naming parcel and place, TooLarge beyond the limits.
    """
    lines = read_lines(data, limits, pointer)
    if not any(block.points for block in lines.blocks):
        raise UnusableParcel("The file holds no coordinates.")
    settle_axes(lines)
    crs = system_of(lines, asked)
    shapes = [_shape(block, index, lines, crs) for index, block in enumerate(lines.blocks)]
    return shapes, crs, lines.notes


def _shape(block: Block, index: int, lines: Lines, crs: Crs) -> Shape:
    identifier = block.value(2) or None
    if block.value(4) in ("线", "点"):
        raise unusable(f"is of the kind '{block.value(4)}', not 面", index, identifier)
    if not block.points:
        raise unusable("has no coordinates", index, identifier)
    if fault := check_zone(block, index, crs):
        raise fault
    name = identifier or str(index + 1)
    rings = split_rings(block.points, name, lines.notes)
    polygon = _assembled([_positions(ring, index, identifier, name, lines.notes) for ring in rings], index, identifier)
    _compare(block, polygon, name, crs, lines.notes)
    fields = dict(zip((*_FIELDS, *_MORE_FIELDS), (value.strip() for value in block.fields), strict=False))
    return Shape(polygon, identifier, block.value(3) or None, {key: value for key, value in fields.items() if value})


def split_rings(points: Sequence[Point], name: str, notes: list[Note]) -> list[list[Point]]:
    """Return the points of each ring, the closing point left out.

    A ring ends where its first point comes again under its first label, or where the ring number changes. The closing
    line may carry another ring number, or X twice (faults of common writers).
    """
    rings: list[list[Point]] = []
    current: list[Point] = []
    closed = False
    for point in points:
        if current and not closed and len(current) >= 3 and _closes(point, current[0]):
            closed = True
            if point.ring != current[0].ring or not _same(point, current[0]):
                notes.append(
                    Note("closing-line", f"Line {point.line} closes its ring although it is written wrongly.", name)
                )
            continue
        if current and (closed or point.ring != current[-1].ring):
            if not closed:
                notes.append(Note("ring-unclosed", f"The ring that ends before line {point.line} is not closed.", name))
            elif point.ring == current[-1].ring and _same(point, current[0]):
                continue
            rings.append(current)
            current, closed = [], False
        current.append(point)
    if current and not closed:
        notes.append(Note("ring-unclosed", f"The ring that ends at line {current[-1].line} is not closed.", name))
    return [*rings, current] if current else rings


def _closes(point: Point, first: Point) -> bool:
    if _same(point, first):
        return point.ring == first.ring or point.label == first.label
    return point.label == first.label and point.third == first.third and point.twice


def _same(one: Point, other: Point) -> bool:
    return abs(one.third - other.third) < SAME_M and abs(one.fourth - other.fourth) < SAME_M


def _positions(
    ring: list[Point], index: int, identifier: str | None, name: str, notes: list[Note]
) -> list[tuple[float, float]]:
    """Return a ring as x, y (easting, northing) without repeated points."""
    kept = [ring[0]]
    near = 0
    for point in ring[1:]:
        if _same(point, kept[-1]):
            notes.append(Note("duplicate-point", f"Line {point.line} repeats the point before it.", name))
            continue
        near += abs(point.third - kept[-1].third) < NEAR_M and abs(point.fourth - kept[-1].fourth) < NEAR_M
        kept.append(point)
    if near:
        notes.append(Note("near-points", f"{near} points are closer than {NEAR_M} m to the one before.", name))
    if len(kept) > 1 and _same(kept[0], kept[-1]):
        kept.pop()
    if len(kept) < 3:
        first = kept[0]
        text = f"has a ring of {len(kept)} different points (line {first.line}); a ring has at least 3"
        raise unusable(text, index, identifier, (first.fourth, first.third))
    return [(point.fourth, point.third) for point in kept]


def _assembled(rings: list[list[tuple[float, float]]], index: int, identifier: str | None) -> shapely.Geometry:
    try:
        made = assemble(rings)
    except CrossingRingsError as fault:
        raise unusable(fault.reason, index, identifier, fault.place) from None
    if made.is_valid or made.geom_type == "Polygon":
        return made
    return shapely.union_all(np.array(made.geoms, dtype=object))  # parts with a common border are one


def _compare(block: Block, polygon: shapely.Geometry, name: str, crs: Crs, notes: list[Note]) -> None:
    """Compare the header's count and area with what the points say; the points are believed."""
    count = block.value(0)
    if block.fields and count != str(len(block.points)):
        message = f"The header says {count or 'no'} points, {len(block.points)} follow."
        notes.append(Note("count-mismatch", message, name))
    match = _AREA.fullmatch(block.value(1))
    if not block.value(1):
        return
    if match is None:
        notes.append(Note("area-unreadable", f"The header's area '{block.value(1)[:30]}' is not a number.", name))
        return
    _compare_area(float(match[1]), match[2].strip(), measure_for(crs.srid).area(polygon), name, notes)


def _compare_area(given: float, suffix: str, area: float, name: str, notes: list[Note]) -> None:
    """Say when the header's area (hectares) is not the area of the points (m2), and which unit it may be in."""
    if suffix:
        notes.append(Note("area-unit", f"The header's area carries a unit: '{suffix[:10]}'.", name))
    computed = area / _HECTARE
    if abs(given - computed) <= max(1e-3 * computed, 0.0005):
        return
    unit = next((text for size, text in _UNITS.items() if abs(given * size - area) <= 1e-3 * area), None)
    if unit:
        message = f"The header's area {given:g} is in {unit}; the points give {computed:.4f} ha."
        notes.append(Note("area-unit", message, name))
    else:
        message = f"The header says {given:g} ha, the points give {computed:.4f} ha."
        notes.append(Note("area-mismatch", message, name))
