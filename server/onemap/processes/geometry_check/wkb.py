"""The rings in well-known binary, as they stand."""

from __future__ import annotations

import struct

import numpy as np

from onemap.processes.geometry_check.outlines import RawRing, ring_of
from onemap.processes.parcels.wkb import NotPolygonError, count_vertices, header


def rings_in(wkb: bytes) -> tuple[str | None, tuple[RawRing, ...]]:
    """Return the kind of a geometry that is no polygon (else None), and the rings of one that is.

    Bytes that are not WKB count as a kind of their own: they are a fault of the parcel, not of the request.
    """
    try:
        count_vertices(wkb)  # looks through all lengths first
    except NotPolygonError as error:
        return str(error), ()
    except ValueError:
        return "broken geometry", ()
    kind, stride, order, at = header(wkb, 0)
    if kind == 3:
        return None, tuple(_polygon(wkb, at, stride, order, 0)[0])
    made: list[RawRing] = []
    parts = struct.unpack_from(order + "I", wkb, at)[0]
    at += 4
    for part in range(parts):
        _, stride, inner, at = header(wkb, at)
        rings, at = _polygon(wkb, at, stride, inner, part)
        made += rings
    return None, tuple(made)


def _polygon(wkb: bytes, at: int, stride: int, order: str, part: int) -> tuple[list[RawRing], int]:
    count = struct.unpack_from(order + "I", wkb, at)[0]
    at += 4
    made = []
    for number in range(count):
        points = struct.unpack_from(order + "I", wkb, at)[0]
        numbers = np.frombuffer(wkb, order + "f8", points * stride // 8, at + 4)
        made.append(ring_of(numbers.reshape(points, stride // 8)[:, :2].astype(float), part, number > 0))
        at += 4 + points * stride
    return made, at
