"""Parcels: from the bytes or JSON of a request to checked polygons in a known coordinate reference system."""

from onemap.processes.parcels.model import Limits, Note, Parcel, ParcelDocument, ParcelSet
from onemap.processes.parcels.read import MEDIA_TYPES, read_parcels

__all__ = ["MEDIA_TYPES", "Limits", "Note", "Parcel", "ParcelDocument", "ParcelSet", "read_parcels"]
