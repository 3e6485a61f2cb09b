"""The production store: tables and views of a PostgreSQL database with PostGIS, read with psycopg 3."""

from onemap.store.postgis.connect import database_name
from onemap.store.postgis.store import PostgisStore

__all__ = ["PostgisStore", "database_name"]
