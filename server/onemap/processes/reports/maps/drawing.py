"""Features drawn by the rules of a style, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import shapely

from onemap.processes.layers import Layer
from onemap.processes.reports.maps.frame import Frame, Geometries
from onemap.processes.reports.maps.paths import element, path_of, points_of, text
from onemap.store import Batch, FeatureQuery
from onemap.styles.declare import Fill, Line, Pattern, Point
from onemap.styles.portrayal import Class, Drawn, Portrayal
from onemap.styles.sprite import pattern_path
from onemap.styles.zooming import value_at

MOST_FEATURES = 6_000
_MOST_LABELS = 40
_GREY = "#8d968f"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a legend: its title and its symbol, a small SVG."""

    title: str
    symbol: str


@dataclass
class Sheet:
    """What was drawn so far: areas and lines below, labels above, patterns, and the entries of the legend."""

    frame: Frame
    lang: str
    shapes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    patterns: dict[Pattern, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    full: bool = False
    _boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    _names: Iterator[int] = field(default_factory=count)

    def pattern(self, pattern: Pattern) -> str:
        """Return the reference to a pattern, which is defined once."""
        if pattern not in self.patterns:
            self.patterns[pattern] = f"p{next(self._names)}"
        return f"url(#{self.patterns[pattern]})"

    def label(self, x: float, y: float, words: str, size: float, colour: str, halo: float) -> None:
        """Write a text about a place, unless it would lie on another one or outside."""
        wide = sum(size if ord(char) > 0x2E7F else size * 0.55 for char in words)
        box = (x - wide / 2 - 2, y - size, x + wide / 2 + 2, y + size * 0.3)
        outside = box[0] < 0 or box[1] < 0 or box[2] > self.frame.width or box[3] > self.frame.height
        if outside or any(_meet(box, other) for other in self._boxes):
            return
        self._boxes.append(box)
        self.labels.append(text(x, y, words, size, colour, "middle", halo))


def _meet(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def draw(sheet: Sheet, layer: Layer, portrayal: Portrayal) -> None:
    """Draw what of a layer lies in the frame, rule by rule. Raises what the store raises."""
    for drawn in (drawn for item in portrayal.layers for drawn in item.rules):
        zooms = drawn.rule.zooms
        if zooms and not zooms[0] <= sheet.frame.zoom < zooms[1]:
            continue
        found = features(sheet.frame, layer, drawn)
        if found is not None and len(found):
            sheet.full |= len(found) >= MOST_FEATURES
            _rule(sheet, drawn, found, sheet.frame.pixels(found.geometries, layer.collection.storage))


def features(frame: Frame, layer: Layer, drawn: Drawn) -> Batch | None:
    """Return the features of a rule that are in the frame, the largest where there are very many."""
    bounds = frame.bounds_in(layer.collection.storage)
    if bounds is None:
        return None
    storage = layer.collection.storage
    pixel = frame.metres / 111_000 if storage.geographic else frame.metres
    columns = tuple(dict.fromkeys(name for name in (drawn.column, drawn.label) if name))
    query = FeatureQuery(MOST_FEATURES, filter=drawn.filter, columns=columns)
    return layer.store.within(layer.view, bounds, 0.5 * pixel if not drawn.rule.point else 0.0, query)


def _rule(sheet: Sheet, drawn: Drawn, found: Batch, pixels: Geometries) -> None:
    present = ~(shapely.is_missing(pixels) | shapely.is_empty(pixels))
    if not present.any():
        return
    if drawn.classes:
        codes = np.array([str(code) for code in found.columns[drawn.column or ""]], dtype=object)
        for item in drawn.classes:
            own = present & (codes == item.code)
            if own.any():
                _symbols(sheet, drawn, item, pixels[own])
    else:
        _symbols(sheet, drawn, None, pixels[present])
    if drawn.rule.label and drawn.label:
        _labels(sheet, drawn, found.columns[drawn.label], pixels, present)


def _symbols(sheet: Sheet, drawn: Drawn, item: Class | None, pixels: Geometries) -> None:
    """Draw features that look alike, and put them into the legend."""
    colour = item.colour if item else _GREY
    made = list(_painted(sheet, drawn, colour if item else None, path_of(pixels, True), path_of(pixels, False)))
    if drawn.rule.point:
        made += [_disc(drawn.rule.point, colour, x, y) for x, y in points_of(pixels).tolist()]
    sheet.shapes += made
    if made and drawn.rule.legend:
        code = f"{item.code} " if item else ""
        title = code + (item.title if item else drawn.title).get(sheet.lang)
        swatch = "M2,2 28,2 28,16 2,16Z"
        body = "".join(_painted(sheet, drawn, colour if item else None, swatch, swatch))
        sheet.entries.append(Entry(title, body or _disc(drawn.rule.point or Point(), colour, 15, 9)))


def _painted(sheet: Sheet, drawn: Drawn, colour: str | None, inside: str, border: str) -> Iterator[str]:
    """Yield the fill, the pattern, the casing and the line."""
    rule = drawn.rule
    if rule.fill and inside:
        yield from _filled(sheet, rule.fill, rule.fill.colour or colour, inside)
    for line in (rule.casing, rule.line):
        if line and border:
            yield _stroked(line, line.colour or colour or _GREY, border, sheet.frame.zoom)


def _filled(sheet: Sheet, fill: Fill, colour: str | None, path: str) -> Iterator[str]:
    if colour:
        yield element("path", d=path, fill=colour, fill_opacity=fill.opacity if fill.opacity < 1 else None)
    if fill.pattern:
        yield element("path", d=path, fill=sheet.pattern(fill.pattern))


def _stroked(line: Line, colour: str, path: str, zoom: float) -> str:
    width, opacity = value_at(line.width, zoom), value_at(line.opacity, zoom)
    dash = " ".join(f"{part * width:.4g}" for part in line.dash) or None
    return element("path", d=path, fill="none", stroke=colour, stroke_width=width, stroke_linejoin="round",
                   stroke_opacity=opacity if opacity < 1 else None, stroke_dasharray=dash)  # fmt: skip


def _disc(point: Point, colour: str, x: float, y: float) -> str:
    return element("circle", cx=round(x, 1), cy=round(y, 1), r=point.radius, fill=point.colour or colour,
                   stroke=point.stroke, stroke_width=1.2)  # fmt: skip


def _labels(sheet: Sheet, drawn: Drawn, values: Sequence[Any], pixels: Geometries, present: Any) -> None:
    """Write labels at the largest features first."""
    label = drawn.rule.label
    assert label is not None
    size = value_at(label.size, sheet.frame.zoom)
    order = np.argsort(-shapely.area(pixels), kind="stable")
    for at in [int(place) for place in order if present[place] and values[place]][:_MOST_LABELS]:
        place = shapely.point_on_surface(pixels[at])
        sheet.label(place.x, place.y + size * 0.35, str(values[at]), size, label.colour, label.halo_width)


def pattern_definitions(patterns: Mapping[Pattern, str]) -> str:
    """Return the definitions of patterns, by their names: one period of each, repeated."""
    return "".join(
        element("pattern", pattern_path(pattern), id=name, width=pattern.spacing, height=pattern.spacing,
                patternUnits="userSpaceOnUse")
        for pattern, name in patterns.items()
    )  # fmt: skip
