"""What a map needs beside its content: scale bar, north arrow, frame."""

from __future__ import annotations

import math

from onemap.processes.reports.maps.frame import Frame
from onemap.processes.reports.maps.paths import element, text

_INK = "#1f2a24"
_LONGEST = 0.22
"""Longest scale bar, as a share of the map's width."""


def scale_bar(frame: Frame) -> str:
    """Return a bar of a round length with its figures, at the lower left."""
    metres = _round(frame.width * _LONGEST * frame.metres)
    wide = metres / frame.metres
    x, y = 18.0, frame.height - 20.0
    unit, size = ("km", 1000.0) if metres >= 1000 else ("m", 1.0)
    parts = [element("rect", x=x - 8, y=y - 22, width=wide + 66, height=34.0, fill="#ffffff", fill_opacity=0.85)]
    for at in range(4):
        colour = _INK if at % 2 == 0 else "#ffffff"
        parts.append(element("rect", x=x + wide * at / 4, y=y, width=wide / 4, height=5.0, fill=colour,
                             stroke=_INK, stroke_width=0.8))  # fmt: skip
    parts += [text(x, y - 6, "0", 12, _INK, "middle"), text(x + wide / 2, y - 6, _figure(metres / 2 / size), 12, _INK,
              "middle"), text(x + wide, y - 6, f"{_figure(metres / size)} {unit}", 12, _INK, "middle")]  # fmt: skip
    return "".join(parts)


def north_arrow(frame: Frame, letter: str) -> str:
    """Return an arrow to the grid's north, at the upper right."""
    x, y = frame.width - 34.0, 16.0
    ground = element("rect", x=x - 18, y=y - 10, width=36.0, height=66.0, fill="#ffffff", fill_opacity=0.85)
    left = element("path", d=f"M{x},{y}L{x - 9},{y + 30}L{x},{y + 23}Z", fill=_INK)
    right = element("path", d=f"M{x},{y}L{x + 9},{y + 30}L{x},{y + 23}Z", fill="#ffffff", stroke=_INK, stroke_width=1)
    return ground + left + right + text(x, y + 48, letter, 15, _INK, "middle")


def border(frame: Frame) -> str:
    """Return the line around a map."""
    return element("rect", x=0.5, y=0.5, width=frame.width - 1, height=frame.height - 1, fill="none", stroke=_INK)


def _round(metres: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(metres))
    return next(step * power for step in (5.0, 2.0, 1.0) if step * power <= metres)


def _figure(value: float) -> str:
    return f"{value:.6g}"
