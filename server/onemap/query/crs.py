"""The CRS parameters of a collection (OGC API Features Part 2)."""

from __future__ import annotations

from onemap.block import Call
from onemap.block.query import shorten
from onemap.errors import UnknownCrs
from onemap.geo.crs import CRS84, Crs
from onemap.store import View


def parse_crs(call: Call, view: View, name: str) -> Crs:
    """Return the CRS named by a parameter, one of those the collection offers (/req/crs/fc-crs-valid-value)."""
    uri = call.one(name)
    if uri is None:
        return CRS84
    found = next((crs for crs in view.collection.crs if crs.uri == uri), None)
    if found is None:
        raise UnknownCrs(
            f"'{name}' is '{shorten(uri)}', which this collection does not offer.",
            "Offered: " + ", ".join(crs.uri for crs in view.collection.crs),
        )
    return found
