"""GeoPackage geometry blobs (OGC 12-128r19, 2.1.3): a header, then WKB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

_HEADER = {0: 8, 1: 40, 2: 56, 3: 56, 4: 72}


def decode(blobs: Sequence[bytes | None]) -> NDArray[np.object_]:
    """Return the geometries of the blobs, x, y; None for NULL. Raises ValueError on what is not a GeoPackage blob."""
    wkb = np.empty(len(blobs), dtype=object)
    wkb[:] = [None if blob is None else blob[header_length(blob) :] for blob in blobs]
    geometries = shapely.from_wkb(wkb)
    flat = shapely.force_2d(geometries) if shapely.has_z(geometries).any() else geometries
    return np.asarray(flat, dtype=object)


def header_length(blob: bytes) -> int:
    """Return the number of bytes before the WKB."""
    length = _HEADER.get((blob[3] >> 1) & 7) if len(blob) > 8 and blob[:2] == b"GP" else None
    if length is None:
        raise ValueError("not a GeoPackage geometry blob")
    return length
