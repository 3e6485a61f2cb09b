"""Small images from formulas: strokes, boxes and discs with smooth edges, and PNG.

Images are arrays of shape (height, width, 4): red, green, blue and opacity, 0 to 1, not premultiplied.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]
Mask = NDArray[np.float64]
_FINE = 4


def colour_of(text: str) -> Pixels:
    """Return #rrggbb as three numbers."""
    return np.array([int(text[at : at + 2], 16) for at in (1, 3, 5)]) / 255


def blank(height: int, width: int) -> Pixels:
    """Return a transparent image."""
    return np.zeros((height, width, 4))


def paint(image: Pixels, mask: Mask, colour: str, opacity: float = 1.0) -> None:
    """Lay a colour over an image where the mask, 0 to 1, says so."""
    above = mask * opacity
    below = image[..., 3] * (1 - above)
    total = above + below
    mixed = image[..., :3] * below[..., None] + colour_of(colour) * above[..., None]
    image[..., :3] = np.divide(mixed, total[..., None], out=np.zeros_like(mixed), where=total[..., None] > 0)
    image[..., 3] = total


def over(image: Pixels, patch: Pixels, x: int, y: int) -> None:
    """Lay an image over another one at a place, as far as it fits."""
    part = image[y : y + patch.shape[0], x : x + patch.shape[1]]
    patch = patch[: part.shape[0], : part.shape[1]]
    below = part[..., 3] * (1 - patch[..., 3])
    total = patch[..., 3] + below
    mixed = part[..., :3] * below[..., None] + patch[..., :3] * patch[..., 3:]
    part[..., :3] = np.divide(mixed, total[..., None], out=np.zeros_like(mixed), where=total[..., None] > 0)
    part[..., 3] = total


def strokes(shape: str, size: tuple[int, int], period: float, width: float) -> Mask:
    """Return repeated strokes or dots as a mask of (height, width) pixels."""
    y, x = _grid(size)
    half = period / 2
    distances = {
        "horizontal": lambda: abs(y % period - half),
        "vertical": lambda: abs(x % period - half),
        "slash": lambda: abs((x + y) % period - half) / np.sqrt(2),
        "backslash": lambda: abs((x - y) % period - half) / np.sqrt(2),
        "cross": lambda: np.minimum(abs((x + y) % period - half), abs((x - y) % period - half)) / np.sqrt(2),
        "dots": lambda: np.hypot(x % period - half, y % period - half),
    }
    return _coarse(distances[shape]() <= width / 2)


def box(size: tuple[int, int], inset: float) -> Mask:
    """Return a filled rectangle that keeps ``inset`` pixels from the borders."""
    y, x = _grid(size)
    height, width = size
    return _coarse((x >= inset) & (x <= width - inset) & (y >= inset) & (y <= height - inset))


def frame(size: tuple[int, int], inset: float, width: float, dash: tuple[float, ...] = ()) -> Mask:
    """Return the outline of a rectangle, its middle ``inset`` pixels from the borders; dashes in widths of the line."""
    y, x = _grid(size)
    high, wide = size
    sides = np.stack([y - inset, wide - inset - x, high - inset - y, x - inset])
    along = np.stack([x, wide + y, wide + high + (wide - x), 2 * wide + high + (high - y)])
    nearest = abs(sides).argmin(axis=0)
    distance = np.take_along_axis(abs(sides), nearest[None], axis=0)[0]
    outside = sides.min(axis=0) < -width / 2
    drawn = (distance <= width / 2) & ~outside
    return _coarse(drawn & _dashed(np.take_along_axis(along, nearest[None], axis=0)[0], dash, width))


def bar(size: tuple[int, int], width: float, dash: tuple[float, ...] = ()) -> Mask:
    """Return a horizontal line through the middle."""
    y, x = _grid(size)
    return _coarse((abs(y - size[0] / 2) <= width / 2) & _dashed(x, dash, width))


def disc(size: tuple[int, int], radius: float) -> Mask:
    """Return a disc in the middle."""
    y, x = _grid(size)
    return _coarse(np.hypot(x - size[1] / 2, y - size[0] / 2) <= radius)


def png(image: Pixels) -> bytes:
    """Return an image as PNG with an alpha channel."""
    height, width = image.shape[:2]
    rows = np.zeros((height, 1 + width * 4), np.uint8)
    rows[:, 1:] = np.rint(image * 255).astype(np.uint8).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    packed = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _grid(size: tuple[int, int]) -> NDArray[np.float64]:
    """Return y and x of the centres of small pixels, several to a pixel."""
    return (np.mgrid[: size[0] * _FINE, : size[1] * _FINE] + 0.5) / _FINE


def _coarse(fine: NDArray[np.bool_]) -> Mask:
    """Return the share of each pixel that is covered."""
    height, width = fine.shape[0] // _FINE, fine.shape[1] // _FINE
    return fine.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))


def _dashed(along: NDArray[np.float64], dash: tuple[float, ...], width: float) -> NDArray[np.bool_]:
    """Return where a line with dashes has ink: strokes and gaps take turns, beginning with a stroke."""
    if not dash:
        return np.ones(along.shape, bool)
    ends = np.cumsum((*dash, *dash) if len(dash) % 2 else dash) * width
    return np.asarray(np.searchsorted(ends, along % ends[-1], side="right") % 2 == 0)
