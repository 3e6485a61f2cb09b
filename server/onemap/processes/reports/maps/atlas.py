"""The maps of a report: where the parcels are, and each layer around them."""

from __future__ import annotations

from dataclasses import dataclass

import shapely

from onemap.errors import OneMapError
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.processes.parcels import ParcelSet
from onemap.processes.reports.maps.drawing import Entry, Sheet, draw, pattern_definitions
from onemap.processes.reports.maps.frame import HEIGHT, WIDTH, Frame, around, frame_for
from onemap.processes.reports.maps.furniture import border, north_arrow, scale_bar
from onemap.processes.reports.maps.paths import element, path_of
from onemap.processes.reports.words import Words

_GROUND, _RED = "#f7f8f4", "#d0021b"
_FONT = "Noto Sans SC"
_LEAST_SURROUNDINGS = 24_000.0
_SURROUNDINGS = 6.0
_MARK_PIXELS = 26.0
_BEYOND = 1.15
"""How far beyond the nearest feature a map reaches."""


@dataclass(frozen=True, slots=True)
class Map:
    """A map as SVG, its caption, the entries of its legend, and who is to be named."""

    svg: str
    caption: str
    legend: tuple[Entry, ...]
    attribution: str = ""


class Atlas:
    """Makes the maps about the parcels of one report."""

    def __init__(self, parcels: ParcelSet, context: Context) -> None:
        self._parcels, self._context, self._words = parcels, context, Words(context.lang)
        self._frame = frame_for(parcels.geometries, parcels.crs)
        self._admin = layers_for(context, ["admin"], None)

    def location(self) -> Map | None:
        """Return the map of the surroundings with administrative divisions; None where the parcels have no place."""
        if self._frame is None:
            return None
        wide = (self._frame.bounds[2] - self._frame.bounds[0]) * _SURROUNDINGS
        sheet = Sheet(around(self._frame, max(wide, _LEAST_SURROUNDINGS)), self._context.lang)
        for layer in self._admin:
            self._draw(sheet, layer)
        sheet.shapes += self._mark(sheet.frame)
        return self._map(sheet, self._words("location"), [layer.collection.attribution for layer in self._admin])

    def layer(self, layer: Layer, distance: float | None = None) -> Map | None:
        """Return the map of a layer around the parcels; None where there is none to be made.

        ``distance``: metres to the nearest feature, which the map is to show.
        """
        if self._frame is None:
            return None
        wide = self._frame.bounds[2] - self._frame.bounds[0]
        if distance:
            wide += 2 * _BEYOND * distance * WIDTH / HEIGHT
        sheet = Sheet(around(self._frame, wide), self._context.lang)
        if not self._draw(sheet, layer):
            return None
        legend = list(sheet.entries)
        for admin in self._admin if layer.role != "admin" else ():
            self._draw(sheet, admin)
        sheet.entries = legend
        sheet.shapes += self._mark(sheet.frame)
        sheet.entries.insert(0, Entry(self._words("parcelLine"), "".join(_strokes("M3,9 27,9"))))
        return self._map(sheet, layer.collection.title.get(self._context.lang), [layer.collection.attribution])

    def _draw(self, sheet: Sheet, layer: Layer) -> bool:
        """Draw a layer by its style; False where it cannot be read: a report without a map is better than none."""
        try:
            draw(sheet, layer, self._context.desk.styles.portrayal(layer.view))
        except OneMapError:
            return False
        return True

    def _outline(self, frame: Frame) -> list[str]:
        path = path_of(frame.pixels(self._parcels.geometries, self._parcels.crs), True)
        return _strokes(path) if path else []

    def _mark(self, frame: Frame) -> list[str]:
        """Return the parcels, with a ring around them where they are too small to be seen."""
        pixels = frame.pixels(self._parcels.geometries, self._parcels.crs)
        west, north, east, south = shapely.total_bounds(pixels).tolist()
        x, y = (west + east) / 2, (north + south) / 2
        made = self._outline(frame)
        if max(east - west, south - north) < _MARK_PIXELS:
            made.append(element("circle", cx=x, cy=y, r=_MARK_PIXELS, fill="none", stroke="#ffffff", stroke_width=6))
            made.append(element("circle", cx=x, cy=y, r=_MARK_PIXELS, fill="none", stroke=_RED, stroke_width=3))
        return made

    def _map(self, sheet: Sheet, title: str, attributions: list[str]) -> Map:
        frame = sheet.frame
        definitions = pattern_definitions(sheet.patterns)
        clip = element("clipPath", element("rect", width=frame.width, height=frame.height), id="frame")
        ground = element("rect", width=frame.width, height=frame.height, fill=_GROUND)
        content = element("g", ground + "".join(sheet.shapes) + "".join(sheet.labels), clip_path="url(#frame)")
        furniture = scale_bar(frame) + north_arrow(frame, self._words("north")) + border(frame)
        svg = _svg(WIDTH, HEIGHT, element("defs", definitions + clip) + content + furniture)
        caption = self._words("mapOf", title=title, crs=frame.crs.name)
        service = self._context.settings.service.attribution
        named = "; ".join(dict.fromkeys(item for item in [*attributions, service] if item))
        return Map(svg, caption, tuple(_standing(sheet, definitions)), named)


def _standing(sheet: Sheet, definitions: str) -> list[Entry]:
    """Return the entries of a legend, each once, their symbols as documents of their own."""
    once = {entry.title: entry for entry in sheet.entries}
    defs = element("defs", definitions) if definitions else ""
    return [Entry(entry.title, _svg(30, 18, defs + entry.symbol)) for entry in once.values()]


def _svg(width: float, height: float, body: str) -> str:
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}">{body}</svg>'


def _strokes(path: str) -> list[str]:
    """Return the line of the parcels: red on white."""
    return [
        element("path", d=path, fill="none", stroke="#ffffff", stroke_width=5.5, stroke_linejoin="round"),
        element("path", d=path, fill="none", stroke=_RED, stroke_width=2.6, stroke_linejoin="round"),
    ]
