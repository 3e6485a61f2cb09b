"""Bring vector files into a store and declare them as collections."""

from onemap.ingest.declare import declaration
from onemap.ingest.load import Summary, load
from onemap.ingest.read import Layer, read_layer

__all__ = ["Layer", "Summary", "declaration", "load", "read_layer"]
