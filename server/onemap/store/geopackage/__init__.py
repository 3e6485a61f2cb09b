"""The embedded store: a GeoPackage read with sqlite3 and shapely."""

from onemap.store.geopackage.store import GeoPackageStore

__all__ = ["GeoPackageStore"]
