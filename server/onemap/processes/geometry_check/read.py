"""Read outlines without judging them: what other processes refuse is read here, to say what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from onemap.errors import InvalidBody, UnusableParcel
from onemap.geo.crs import Crs
from onemap.processes.geometry_check.outlines import Outlines, RawParcel, RawRing, ring_of
from onemap.processes.geometry_check.read_json import read_geojson
from onemap.processes.geometry_check.wkb import rings_in
from onemap.processes.parcels import Limits, ParcelDocument
from onemap.processes.parcels.geopackage import read_rows
from onemap.processes.parcels.shapefile import read_records
from onemap.processes.parcels.systems import from_name
from onemap.processes.parcels.txt import SAME_M, split_rings
from onemap.processes.parcels.txt_lines import Block, read_lines
from onemap.processes.parcels.txt_system import settle_axes, system_of

_AREA = re.compile(r"\s*(\d{1,15}(?:\.\d{0,12})?)\s*", re.ASCII)
_Reader = Callable[[Any, Crs | None, Limits, str], Outlines]


def read_outlines(document: ParcelDocument, crs: str | None, limits: Limits) -> Outlines:
    """Return the outlines of a request in x, y of their system.

    Raises InvalidBody for a document that does not follow its format, InvalidParameter for a ``crs`` that contradicts
    it, UnusableParcel where no system is said or it is on another datum, TooLarge beyond the limits.
    """
    asked = from_name(crs) if crs is not None else None
    reader = _READERS.get(document.media_type)
    if reader is None:
        raise InvalidBody(f"Parcels are not read from '{document.media_type[:60]}'.", pointer=document.pointer)
    found = reader(document.data, asked, limits, document.pointer)
    if not found.parcels:
        raise UnusableParcel("The input holds no parcel.", "Send at least one polygon.")
    limits.check_parcels(len(found.parcels))
    limits.check_vertices(sum(len(ring.xy) for parcel in found.parcels for ring in parcel.rings))
    return found


def _read_txt(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> Outlines:
    lines = read_lines(data, limits, pointer)
    if not any(block.points for block in lines.blocks):
        raise UnusableParcel("The file holds no coordinates.")
    settle_axes(lines)
    crs = system_of(lines, asked)
    swapped = any(note.code == "axes-swapped" for note in lines.notes)
    parcels = [_block(block) for block in lines.blocks]
    notes = tuple(note for note in lines.notes if note.code != "axes-swapped")
    return Outlines(parcels, crs, "text/plain", swapped, notes)


def _block(block: Block) -> RawParcel:
    """Return a parcel of a text: rings close by themselves, so that only the lines tell whether they are closed."""
    identifier = block.value(2) or None
    kind = {"线": "LineString", "点": "Point"}.get(block.value(4))
    rings = []
    if kind is None:
        seen = 0
        for points in split_rings(block.points, "", []):
            seen += len(points)
            after = block.points[seen] if seen < len(block.points) else None
            closed = after is not None and (
                abs(after.third - points[0].third) < SAME_M and abs(after.fourth - points[0].fourth) < SAME_M
            )
            seen += closed
            rings.append(RawRing(np.array([(point.fourth, point.third) for point in points]), closed))
    stated = block.value(0)
    points_said = (int(stated), len(block.points)) if stated.isascii() and stated.isdigit() else None
    area = _AREA.fullmatch(block.value(1))
    return RawParcel(
        tuple(rings), identifier, block.value(3) or None, kind, points_said, float(area[1]) if area else None
    )


def _read_geopackage(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> Outlines:
    rows, crs, notes = read_rows(data, asked, limits, pointer)
    parcels = []
    for wkb, identifier, name, values in rows:
        kind, rings = rings_in(wkb) if wkb is not None else ("nothing", ())
        parcels.append(RawParcel(rings, identifier, name, kind, properties=values))
    return Outlines(parcels, crs, "application/geopackage+sqlite3", notes=tuple(notes))


def _read_shapefile(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> Outlines:
    records, crs, notes = read_records(data, asked, limits, pointer)
    parcels = []
    for shapes, identifier, name, values in records:
        rings = tuple(ring_of(xy) for xy in shapes)
        parcels.append(RawParcel(rings, identifier, name, None if rings else "nothing", properties=values))
    return Outlines(parcels, crs, "application/zip", notes=tuple(notes))


_READERS: Mapping[str, _Reader] = {
    "application/geo+json": read_geojson,
    "text/plain": _read_txt,
    "application/zip": _read_shapefile,
    "application/geopackage+sqlite3": _read_geopackage,
}
