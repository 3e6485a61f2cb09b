"""From a tile request to the tile and its layers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from onemap.block import Call, Principal
from onemap.security import Gate
from onemap.store import View
from onemap.tiles import asked
from onemap.tiles.engine import Tile
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import Limits
from onemap.tiles.pack.source import Packs
from onemap.tiles.params import MVT, Query, TileRequest, parse_tile
from onemap.tiles.tilesets import TileSet, TileSets


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tile within the limits of its tileset, and the layers that it is made of; ``request``: how to answer.

    A layer is drawn on ``tiles`` at its place: ``tile``, as an overview where the layer is at one of its coarsest
    levels. Layers that do not reach the tile are not among them. ``limits``: where the tileset has tiles on this level.
    """

    request: TileRequest
    layers: tuple[Layer, ...]
    tile: Tile
    tiles: tuple[Tile, ...]
    limits: Limits


class Resolver:
    """Find what a tile request means: what the principal may see of it, and whether there is such a tile."""

    def __init__(self, gate: Gate, tilesets: TileSets, packs: Packs) -> None:
        self._gate = gate
        self._packs = packs
        self._tilesets = tilesets

    async def resolve(self, scope: Mapping[str, Any], match: re.Match[str]) -> Wanted:
        """Return what is asked for. Raises NotFound outside the limits, and what the query's parsers raise."""
        request = parse_tile(scope, match)
        principal: Principal = scope["onemap.principal"]
        every = self._layers(principal, request.collection)
        tileset = await self._tileset(request, every)
        tile = tileset.tile(request.level, request.row, request.col)
        limits = tileset.limits[request.level]
        layers = every if request.query is None else _asked(scope, request.collection, request.query, every)
        if request.collection is not None:
            return Wanted(request, layers, tile, (tile,), limits)
        drawn = tileset.drawn(request.level, tile)
        reached = tuple(layer for layer in layers if layer.view.collection.id in drawn)
        own = tuple(drawn[layer.view.collection.id] for layer in reached)
        return Wanted(request, reached, tile, own, limits)

    def _layers(self, principal: Principal, collection: str | None) -> tuple[Layer, ...]:
        """Return the layer of a collection, or those of all collections that the principal may see."""
        views = self._gate.views(principal) if collection is None else [self._gate.view(principal, collection)]
        return tuple(self._layer(view) for view in views)

    def _layer(self, view: View) -> Layer:
        store = self._gate.store(view)
        return Layer(view, store, pack=self._packs.get(view.collection, store))

    async def _tileset(self, request: TileRequest, layers: Sequence[Layer]) -> TileSet:
        matrix_set = self._tilesets.matrix_set(request.matrix_set)
        sources = [(layer.view, layer.store) for layer in layers]
        whole = request.collection is None
        tileset = self._tilesets.known(sources, matrix_set, whole=whole)
        if tileset is None:
            tileset = await anyio.to_thread.run_sync(lambda: self._tilesets.get(sources, matrix_set, whole=whole))
        return tileset


def _asked(
    scope: Mapping[str, Any], collection: str | None, query: Query, layers: tuple[Layer, ...]
) -> tuple[Layer, ...]:
    call = Call(scope["onemap.principal"], scope["onemap.links"], MVT, query=query)
    if collection is None:
        return asked.of_dataset(call, layers)
    return (asked.of_collection(call, layers[0]),)
