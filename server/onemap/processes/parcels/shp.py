"""Look through the records of a .shp file before GDAL does, and make its index anew.

The index of an upload is not believed: it could name one large record a thousand times.
"""

from __future__ import annotations

import itertools
import struct

import numpy as np
from numpy.typing import NDArray

from onemap.errors import InvalidBody, UnusableParcel
from onemap.processes.parcels.model import Limits

MAX_RINGS = 5_000
"""Most rings of one shape: telling holes from parts takes time that grows with their square."""
_HEADER = 100
_HEADER_DBF = 32
_POLYGONS = (5, 15, 25)
_TYPES = {1: "Point", 3: "LineString", 8: "MultiPoint", 11: "Point", 13: "LineString", 18: "MultiPoint"}
_FIXED = 44


def index_of(shp: bytes, limits: Limits, pointer: str) -> bytes:
    """Return the .shx file for a .shp file of polygons (ESRI Shapefile Technical Description, 1998).

    Raises InvalidBody for what is no Shapefile, UnusableParcel for other shapes, TooLarge beyond the limits.
    """
    if len(shp) < _HEADER or shp[:4] != b"\x00\x00\x27\x0a":
        raise InvalidBody("The .shp file is not a Shapefile.", pointer=pointer)
    kind = int.from_bytes(shp[32:36], "little")
    if kind not in (0, *_POLYGONS):
        raise UnusableParcel(f"The Shapefile holds shapes of the kind {_TYPES.get(kind, kind)}, not polygons.")
    entries = []
    at, vertices = _HEADER, 0
    while at + 8 <= len(shp):
        words = struct.unpack_from(">i", shp, at + 4)[0]
        if words < 2 or at + 8 + 2 * words > len(shp):
            raise InvalidBody("A record of the .shp file ends too early.", pointer=pointer)
        vertices += _vertices(shp, at + 8, 2 * words, pointer)
        limits.check_vertices(vertices)
        entries.append(struct.pack(">2i", at // 2, words))
        limits.check_parcels(len(entries))
        at += 8 + 2 * words
    length = (_HEADER + 8 * len(entries)) // 2
    return shp[:24] + struct.pack(">i", length) + shp[28:_HEADER] + b"".join(entries)


def check_table(dbf: bytes, records: int, pointer: str) -> None:
    """Raise InvalidBody when a .dbf file does not hold a record for each shape (dBASE III)."""
    known, head, width = struct.unpack_from("<xxxxiHH", dbf) if len(dbf) > _HEADER_DBF else (0, 0, 0)
    if head <= _HEADER_DBF or known != records or len(dbf) < head + known * width:
        raise InvalidBody(f"The .dbf file does not hold the {records} records of the .shp file.", pointer=pointer)


def _vertices(shp: bytes, at: int, length: int, pointer: str) -> int:
    """Return the number of vertices of one record."""
    kind = struct.unpack_from("<i", shp, at)[0]
    if kind == 0:
        return 0
    if kind not in _POLYGONS or length < _FIXED:
        raise InvalidBody("A record of the .shp file is no polygon.", pointer=pointer)
    parts, points = struct.unpack_from("<2i", shp, at + 36)
    if parts < 0 or points < 0 or _FIXED + 4 * parts + 16 * points > length:
        raise InvalidBody("A record of the .shp file is shorter than it says.", pointer=pointer)
    if parts > MAX_RINGS:
        raise UnusableParcel(f"A shape has {parts} rings; at most {MAX_RINGS} are read.")
    return int(points)


def rings_of(shp: bytes) -> list[list[NDArray[np.float64]]]:
    """Return the rings of each shape, (n, 2) in x, y, of a file that ``index_of`` has looked through."""
    made = []
    at = _HEADER
    while at + 8 <= len(shp):
        words = struct.unpack_from(">i", shp, at + 4)[0]
        made.append(_rings(shp, at + 8))
        at += 8 + 2 * words
    return made


def _rings(shp: bytes, at: int) -> list[NDArray[np.float64]]:
    if struct.unpack_from("<i", shp, at)[0] == 0:
        return []
    parts, points = struct.unpack_from("<2i", shp, at + 36)
    starts = np.frombuffer(shp, "<i4", parts, at + _FIXED).astype(np.int64)
    xy = np.frombuffer(shp, "<f8", 2 * points, at + _FIXED + 4 * parts).reshape(-1, 2).astype(float)
    bounds = np.clip(np.append(starts, points), 0, points).tolist()
    return [xy[begin:end] for begin, end in itertools.pairwise(bounds)]
