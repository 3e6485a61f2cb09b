"""SQL dialects."""

from onemap.cql.dialects.base import Dialect, Piece
from onemap.cql.dialects.postgis import PostGIS, named
from onemap.cql.dialects.sqlite import SQLite

SQLITE = SQLite()
POSTGIS = PostGIS()

__all__ = ["POSTGIS", "SQLITE", "Dialect", "Piece", "PostGIS", "SQLite", "named"]
