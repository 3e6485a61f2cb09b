"""The legend of a style as one image, in as many columns as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from onemap.styles.canvas import Pixels, over, png
from onemap.styles.fonts import Fonts
from onemap.styles.legend import SWATCH, Entry, entries
from onemap.styles.lettering import width_of, write
from onemap.styles.portrayal import Portrayal

_INK, _SOFT = "#1f2a24", "#59655e"
_MARGIN, _GAP, _ROW = 12, 24, 24
_MOST_ROWS = 32


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the image: a heading, or an entry."""

    text: str
    entry: Entry | None = None

    def width(self, fonts: Fonts) -> float:
        if self.entry is None:
            return width_of(self.text, fonts, 13)
        return SWATCH[1] + 8 + width_of(self.text, fonts, 13)


def legend_image(portrayal: Portrayal, fonts: Fonts, lang: str) -> bytes:
    """Return the legend as PNG on white, with the titles of one language."""
    title = portrayal.title.get(lang)
    lines = _lines(portrayal, fonts, lang)
    rows = ceil(len(lines) / max(1, ceil(len(lines) / _MOST_ROWS)))
    columns = [lines[at : at + rows] for at in range(0, len(lines), max(1, rows))]
    widths = [ceil(max(line.width(fonts) for line in column)) for column in columns]
    width = max(sum(widths) + _GAP * (len(widths) - 1), ceil(width_of(title, fonts, 16))) + 2 * _MARGIN
    image = np.ones((_MARGIN * 2 + 28 + rows * _ROW, width, 4))
    write(image, title, _MARGIN, _MARGIN + 16, fonts, 16, _INK)
    x = _MARGIN
    for column, wide in zip(columns, widths, strict=True):
        for place, line in enumerate(column):
            _draw(image, line, x, _MARGIN + 28 + place * _ROW, fonts)
        x += wide + _GAP
    return png(image)


def _lines(portrayal: Portrayal, fonts: Fonts, lang: str) -> list[_Line]:
    lines: list[_Line] = []
    for titles, found in _alike(portrayal, fonts, lang):
        headed = len(portrayal.layers) > 1 and bool(found) and [line.text for line in found] != titles
        heading = ("、" if lang == "zh" else ", ").join(titles)
        lines += [*([_Line(heading)] if headed else []), *found]
    return lines


def _alike(portrayal: Portrayal, fonts: Fonts, lang: str) -> Iterator[tuple[list[str], list[_Line]]]:
    """Yield the entries of layers with their titles; layers of several entries that are all the same come once."""
    groups: dict[object, tuple[dict[str, None], list[_Line]]] = {}
    for place, layer in enumerate(portrayal.layers):
        found = [_Line(_text(entry, lang), entry) for entry in entries(layer, fonts)]
        same = tuple((line.text, line.entry.symbol.tobytes()) for line in found if line.entry)
        titles, _ = groups.setdefault(same if len(found) > 1 else place, ({}, found))
        titles[layer.view.collection.title.get(lang)] = None
    for titles, lines in groups.values():
        yield list(titles), lines


def _text(entry: Entry, lang: str) -> str:
    title = entry.title.get(lang)
    return f"{entry.code} {title}" if entry.code else title


def _draw(image: Pixels, line: _Line, x: int, y: int, fonts: Fonts) -> None:
    if line.entry is None:
        write(image, line.text, x, y + 16, fonts, 13, _SOFT)
        return
    over(image, line.entry.symbol, x, y + 2)
    write(image, line.text, x + SWATCH[1] + 8, y + 16, fonts, 13, _INK)
