"""From a tile request to the tile and its layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from onemap.security import Gate
from onemap.tiles.engine import Tile
from onemap.tiles.layer import Layer
from onemap.tiles.pack.source import Packs
from onemap.tiles.params import TileRequest, parse_tile
from onemap.tiles.tilesets import TileSets


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tile within the limits of its tileset, and the layers that it is made of; ``request``: how to answer."""

    request: TileRequest
    layers: tuple[Layer, ...]
    tile: Tile


class Resolver:
    """Find what a tile request means: what the principal may see of it, and whether there is such a tile."""

    def __init__(self, gate: Gate, tilesets: TileSets, packs: Packs) -> None:
        self._gate = gate
        self._packs = packs
        self._tilesets = tilesets

    async def resolve(self, scope: Mapping[str, Any], match: re.Match[str]) -> Wanted:
        """Return what is asked for. Raises NotFound outside the limits, and what ``parse_tile`` raises."""
        request = parse_tile(scope, match)
        view = self._gate.view(scope["onemap.principal"], request.collection)
        store = self._gate.store(view)
        layer = Layer(view, store, pack=self._packs.get(view.collection, store))
        return Wanted(request, (layer,), await self._tile(request, layer))

    async def _tile(self, request: TileRequest, layer: Layer) -> Tile:
        matrix_set = self._tilesets.matrix_set(request.matrix_set)
        tileset = self._tilesets.known(layer.view, layer.store.state(), matrix_set)
        if tileset is None:
            tileset = await anyio.to_thread.run_sync(self._tilesets.get, layer.view, layer.store, matrix_set)
        return tileset.tile(request.level, request.row, request.col)
