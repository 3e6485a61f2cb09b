"""Names of tiles that hold beyond this process: they stand for all that a tile is made from but the data itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from onemap import __version__
from onemap.catalog import Collection
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import Level

_ROOMS = ("tiles", "store", "cql", "catalog", "geo")
_described: dict[str, tuple[Collection, bytes]] = {}


def series_of(grid: str, level: Level, layers: Iterable[tuple[Layer, bool]], most: int) -> bytes:
    """Return what the names of the tiles of a tile matrix begin with, row and column apart.

    It stands for the code that makes them, the grid, the layers (each an overview or not), and the limit of features.
    """
    made = hashlib.blake2b(code(), digest_size=16)
    made.update(repr((grid, level, most)).encode())
    for layer, overview in layers:
        made.update(repr((layer.digest, overview)).encode())
        made.update(described(layer.view.collection))
    return made.digest()


def family_of(layer: Layer, grid: str, most: int) -> str:
    """Return what all tiles of a layer on a grid have in common that are made by this code, from a pack or not."""
    made = hashlib.blake2b(code(), digest_size=16)
    made.update(repr((most, grid, replace(layer, pack=None).digest, layer.pack is not None)).encode())
    made.update(described(layer.view.collection))
    return made.hexdigest()


def described(collection: Collection) -> bytes:
    """Return a digest of a collection's declaration and table, without its data."""
    known = _described.get(collection.id)
    if known is None or known[0] is not collection:
        digest = hashlib.blake2b(repr(collection).encode(), digest_size=16).digest()
        known = _described[collection.id] = (collection, digest)
    return known[1]


@cache
def code() -> bytes:
    """Return a digest of the modules that tiles come from."""
    made = hashlib.blake2b(__version__.encode(), digest_size=16)
    for room in _ROOMS:
        for name, content in sorted(_modules(files("onemap").joinpath(room), room)):
            made.update(name.encode() + content)
    return made.digest()


def _modules(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _modules(item, f"{path}/{item.name}")
        elif item.name.endswith((".py", ".sql")):
            found.append((f"{path}/{item.name}", item.read_bytes()))
    return found
