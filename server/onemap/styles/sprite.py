"""Sprites: the patterns of the styles, drawn into one image in two resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from onemap.styles.canvas import Pixels, colour_of, png, strokes
from onemap.styles.declare import Pattern

RATIOS = (1, 2)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The sprites of one resolution: where each is, and the image as PNG."""

    places: dict[str, Any]
    image: bytes


def pattern_name(pattern: Pattern) -> str:
    """Return the name of a pattern among the sprites."""
    return f"{pattern.shape}-{pattern.colour[1:]}-{pattern.spacing}-{pattern.width:g}"


def sheet(patterns: Sequence[Pattern], ratio: int) -> Sheet:
    """Return the sheet with these patterns, ``ratio`` image pixels to a pixel of the map."""
    tiles = [pattern_tile(pattern, ratio) for pattern in patterns]
    side = max((tile.shape[0] for tile in tiles), default=1)
    image = np.zeros((side, max(1, sum(tile.shape[1] for tile in tiles)), 4))
    places: dict[str, Any] = {}
    x = 0
    for pattern, tile in zip(patterns, tiles, strict=True):
        height, width = tile.shape[:2]
        image[:height, x : x + width] = tile
        places[pattern_name(pattern)] = {"x": x, "y": 0, "width": width, "height": height, "pixelRatio": ratio}
        x += width
    return Sheet(places, png(image))


@cache
def pattern_tile(pattern: Pattern, ratio: int) -> Pixels:
    """Return one period of a pattern, shape (side, side, 4), that repeats without seams."""
    side = pattern.spacing * ratio
    alpha = strokes(pattern.shape, (side, side), side, pattern.width * ratio)
    return np.concatenate([np.broadcast_to(colour_of(pattern.colour), (side, side, 3)), alpha[..., None]], axis=-1)


def pattern_svg(pattern: Pattern) -> bytes:
    """Return one period of a pattern as SVG, which SLD names: more programs tile it than PNG."""
    side = pattern.spacing
    size = f'width="{side}" height="{side}" viewBox="0 0 {side} {side}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{pattern_path(pattern)}</svg>'.encode()


def pattern_path(pattern: Pattern) -> str:
    """Return the strokes of one period of a pattern as an SVG path, ``spacing`` pixels wide and high."""
    side, middle, width = pattern.spacing, pattern.spacing / 2, f"{pattern.width:g}"
    slash = [f"M{x} {side}L{x + side} 0" for x in (-middle, middle)]
    backslash = [f"M{x} 0L{x + side} {side}" for x in (-middle, middle)]
    paths = {
        "slash": slash,
        "backslash": backslash,
        "cross": slash + backslash,
        "horizontal": [f"M0 {middle}H{side}"],
        "vertical": [f"M{middle} 0V{side}"],
        "dots": [f"M{middle} {middle}h0"],
    }[pattern.shape]
    cap = "round" if pattern.shape == "dots" else "square"
    stroke = f'stroke="{pattern.colour}" stroke-width="{width}" stroke-linecap="{cap}"'
    return f'<path d="{"".join(paths)}" fill="none" {stroke}/>'
