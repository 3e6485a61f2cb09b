"""The header that states the CRS of an answer (OGC API Features Part 2)."""

from __future__ import annotations

from onemap.geo.crs import Crs


def content_crs(crs: Crs) -> dict[str, str]:
    """Return the header that states the CRS of the coordinates (/req/crs/ogc-crs-header)."""
    return {"Content-Crs": f"<{crs.uri}>"}
