"""The cache of tiles: memory of the process, a file that processes share, archives; purged by what changes."""

from onemap.tiles.cache.cache import TileCache
from onemap.tiles.cache.entry import Asked, Body, Entry, Place, Source, Wish

__all__ = ["Asked", "Body", "Entry", "Place", "Source", "TileCache", "Wish"]
