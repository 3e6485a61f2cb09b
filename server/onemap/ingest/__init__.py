"""Bring vector files into a store and declare them as collections."""

from onemap.ingest.declare import declaration
from onemap.ingest.load import Summary, load
from onemap.ingest.postgis import copy_geopackage, load_postgis
from onemap.ingest.read import Layer, read_layer

__all__ = ["Layer", "Summary", "copy_geopackage", "declaration", "load", "load_postgis", "read_layer"]
