"""Legends: the entries of a style, each with its symbol as a small image."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from onemap.config import Text
from onemap.styles.canvas import Pixels, bar, blank, box, disc, frame, paint, png, strokes
from onemap.styles.declare import Fill, Line
from onemap.styles.fonts import Fonts
from onemap.styles.lettering import width_of, write
from onemap.styles.plain import shapes
from onemap.styles.portrayal import Class, Drawn, Layer, Portrayal
from onemap.styles.zooming import at_middle

SWATCH = (18, 30)
"""Height and width of a symbol (px)."""
_GREY = "#8d968f"
_WIDEST = 3.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a legend. ``code``: of the class, where there is one."""

    title: Text
    symbol: Pixels
    code: str | None = None


def entries(layer: Layer, fonts: Fonts) -> Iterator[Entry]:
    """Yield the entries of one layer, in the order of its rules and classes."""
    held = shapes(layer.view)
    shape = next(name for name in ("Polygon", "LineString", "Point") if name in held)
    for drawn in layer.rules:
        if not drawn.rule.legend:
            continue
        for item in drawn.classes:
            yield Entry(item.title, symbol(drawn, item, shape, fonts), item.code)
        if not drawn.classes:
            yield Entry(drawn.title, symbol(drawn, None, shape, fonts))


def legend_document(portrayal: Portrayal, fonts: Fonts, lang: str) -> dict[str, Any]:
    """Return the legend as data; symbols are PNG images in data URIs."""
    return {
        "id": portrayal.id,
        "title": portrayal.title.get(lang),
        "layers": [
            {
                "collection": layer.view.collection.id,
                "title": layer.view.collection.title.get(lang),
                "property": next((drawn.column for drawn in layer.rules if drawn.column), None),
                "items": [_item(entry, lang) for entry in entries(layer, fonts)],
            }
            for layer in portrayal.layers
        ],
    }


def _item(entry: Entry, lang: str) -> dict[str, Any]:
    image = "data:image/png;base64," + base64.b64encode(png(entry.symbol)).decode()
    item: dict[str, Any] = {"title": entry.title.get(lang), "image": image}
    return item | ({"code": entry.code} if entry.code is not None else {})


def symbol(drawn: Drawn, one: Class | None, shape: str, fonts: Fonts) -> Pixels:
    """Return the symbol of a rule, for one class, as it stands in a legend."""
    rule, image = drawn.rule, blank(*SWATCH)
    colour = one.colour if one else _GREY
    if shape == "Polygon" and rule.fill:
        _fill(image, rule.fill, rule.fill.colour or (colour if one else None))
    for line in (rule.casing, rule.line):
        if line and shape != "Point":
            _line(image, line, colour, bool(rule.fill) and shape == "Polygon", rule.zooms)
    if rule.point and shape == "Point":
        paint(image, disc(SWATCH, rule.point.radius + 1.2), rule.point.stroke)
        paint(image, disc(SWATCH, rule.point.radius), rule.point.colour or colour)
    if rule.label and not (rule.fill or rule.line):
        letter, size = "文", 13.0
        x = (SWATCH[1] - width_of(letter, fonts, size)) / 2
        write(image, letter, x, 14, fonts, size, rule.label.colour)
    return image


def _fill(image: Pixels, fill: Fill, colour: str | None) -> None:
    area = box(SWATCH, 1)
    if colour:
        paint(image, area, colour, fill.opacity)
    if fill.pattern:
        pattern = fill.pattern
        paint(image, area * strokes(pattern.shape, SWATCH, pattern.spacing, pattern.width), pattern.colour)


def _line(image: Pixels, line: Line, colour: str, border: bool, zooms: tuple[int, int] | None) -> None:
    """Draw a line: around the symbol of an area with a fill, else across."""
    width = min(max(at_middle(line.width, zooms), 1.0), 2 * _WIDEST)
    inset = 1 + _WIDEST / 2
    mask = frame(SWATCH, inset, width, line.dash) if border else bar(SWATCH, width, line.dash)
    paint(image, mask, line.colour or colour, max(0.35, at_middle(line.opacity, zooms)))
