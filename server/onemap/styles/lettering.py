"""Text in small images, from the distance fields of the fonts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onemap.styles.canvas import Mask, Pixels, paint
from onemap.styles.fonts import BASELINE, BUFFER, EM, Fonts, Glyph


def width_of(text: str, fonts: Fonts, size: float) -> float:
    """Return the width of a text in pixels; a character without a glyph is as wide as half an em."""
    glyphs = (fonts.glyph(char) for char in text)
    return sum(glyph.advance if glyph else EM / 2 for glyph in glyphs) * size / EM


def write(image: Pixels, text: str, x: float, baseline: float, fonts: Fonts, size: float, colour: str) -> None:
    """Write a text whose first letter begins at ``x``; what does not fit is cut."""
    top, left = max(0, int(baseline - 1.5 * size)), max(0, int(x))
    part = image[top : int(baseline + size), left : int(x + width_of(text, fonts, size)) + 2]
    mask = np.zeros(part.shape[:2])
    for char in text:
        glyph = fonts.glyph(char)
        if glyph is not None:
            _place(mask, glyph, x - left, baseline - top, size / EM)
        x += (glyph.advance if glyph else EM / 2) * size / EM
    paint(part, mask, colour)


def _place(mask: Mask, glyph: Glyph, x: float, baseline: float, scale: float) -> None:
    left = x + (glyph.left - BUFFER) * scale
    top = baseline - (glyph.top + BASELINE + BUFFER) * scale
    height, width = glyph.distances.shape
    columns = np.arange(max(0, int(left)), min(mask.shape[1], int(left + width * scale) + 1))
    rows = np.arange(max(0, int(top)), min(mask.shape[0], int(top + height * scale) + 1))
    if not len(columns) or not len(rows):
        return
    distance = _sample(glyph.distances, (rows + 0.5 - top) / scale - 0.5, (columns + 0.5 - left) / scale - 0.5)
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.maximum(part, np.clip(distance * scale + 0.5, 0, 1), out=part)


def _sample(
    values: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return bilinear samples at all pairs of rows and columns; beyond the borders those at the borders."""
    y, x = np.clip(rows, 0, values.shape[0] - 1), np.clip(columns, 0, values.shape[1] - 1)
    y0, x0 = np.minimum(y.astype(int), values.shape[0] - 2), np.minimum(x.astype(int), values.shape[1] - 2)
    fy, fx = (y - y0)[:, None], (x - x0)[None, :]
    upper = values[np.ix_(y0, x0)] * (1 - fx) + values[np.ix_(y0, x0 + 1)] * fx
    lower = values[np.ix_(y0 + 1, x0)] * (1 - fx) + values[np.ix_(y0 + 1, x0 + 1)] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)
