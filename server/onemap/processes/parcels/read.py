"""From a request's document to checked parcels: which reader, which system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onemap.errors import InvalidBody
from onemap.geo.crs import Crs
from onemap.processes.parcels.geojson import read_geojson
from onemap.processes.parcels.geopackage import read_geopackage
from onemap.processes.parcels.model import Limits, Note, ParcelDocument, ParcelSet, Shape
from onemap.processes.parcels.shapefile import read_shapefile
from onemap.processes.parcels.systems import from_name
from onemap.processes.parcels.txt import read_txt
from onemap.processes.parcels.validity import checked

Reading = tuple[list[Shape], Crs, list[Note]]
Reader = Callable[[Any, Crs | None, Limits, str], Reading]

READERS: Mapping[str, Reader] = {
    "application/geo+json": read_geojson,
    "text/plain": read_txt,
    "application/zip": read_shapefile,
    "application/geopackage+sqlite3": read_geopackage,
}
MEDIA_TYPES = tuple(READERS)


def read_parcels(document: ParcelDocument, crs: str | None, limits: Limits) -> ParcelSet:
    """Return the parcels of a request, checked.

    Raises InvalidBody for a document that does not follow its format, InvalidParameter for a ``crs`` that contradicts
    it, UnusableParcel for parcels that cannot be used, TooLarge beyond the limits.
    """
    reader = READERS.get(document.media_type)
    if reader is None:
        raise InvalidBody(
            f"Parcels are not read from '{document.media_type[:60]}'.",
            f"One of: {', '.join(MEDIA_TYPES)}.",
            pointer=document.pointer,
        )
    asked = from_name(crs) if crs is not None else None
    shapes, system, notes = reader(document.data, asked, limits, document.pointer)
    return checked(shapes, system, limits, notes)
