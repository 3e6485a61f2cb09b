"""Handlers of OGC API Tiles. The tilesets of the dataset and of a collection are answered by the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread

from onemap.block import Call, Document, Reply
from onemap.config import Settings
from onemap.errors import InvalidParameter, NotFound
from onemap.security import Gate
from onemap.tiles import asked, documents
from onemap.tiles.generalised import kept_by
from onemap.tiles.layer import Layer
from onemap.tiles.origin import Origin, dataset, origin_of
from onemap.tiles.pack.source import Packs
from onemap.tiles.preview import preview
from onemap.tiles.tilejson import tilejson, xyz
from onemap.tiles.tilesets import Source, TileSet, TileSets


class TileRoutes:
    """The handlers of tile matrix sets and tilesets."""

    def __init__(self, gate: Gate, tilesets: TileSets, settings: Settings, packs: Packs) -> None:
        self._gate = gate
        self._packs = packs
        self._tilesets = tilesets
        self._service = settings.service
        self._most = settings.limits.tile_features

    async def matrix_sets(self, call: Call) -> Reply:
        """Answer the list of tile matrix sets."""
        listed = [documents.matrix_set_item(item, call.links) for item in self._tilesets.matrix_sets.values()]
        return Document(
            {"links": call.own_links(), "tileMatrixSets": listed},
            "tiles/matrixsets.html",
        )

    async def matrix_set(self, call: Call) -> Reply:
        """Answer the definition of a tile matrix set."""
        matrix_set = self._tilesets.matrix_set(call.path["tileMatrixSetId"])
        return Document(documents.matrix_set_document(matrix_set, call.links), "tiles/matrixset.html")

    async def tilesets(self, call: Call) -> Reply:
        """Answer the list of tilesets."""
        origin, sources = self._origin(call)
        found = await anyio.to_thread.run_sync(lambda: self._tilesets.every(sources, whole=origin.whole))
        listed = [documents.tileset_item(item, origin, call) for item in found]
        data = {"links": call.own_links(), "tilesets": listed}
        return Document(data, "tiles/tilesets.html", {"origin": origin})

    async def tileset(self, call: Call) -> Reply:
        """Answer the metadata of a tileset."""
        origin, tileset, layers = await self._asked(call)
        kept = await anyio.to_thread.run_sync(kept_by, layers)
        page = {
            "origin": origin,
            "tileset": tileset,
            "xyz": xyz(tileset, origin, call),
            "preview": preview(tileset, origin, call),
        }
        data = documents.tileset_document(tileset, origin, call, self._most, kept)
        return Document(data, "tiles/tileset.html", page)

    async def tilejson(self, call: Call) -> Reply:
        """Answer TileJSON, which knows only the web Mercator grid."""
        origin, tileset, _ = await self._asked(call)
        if not documents.has_tilejson(tileset.matrix_set):
            raise NotFound("TileJSON describes Web Mercator tiles only.", f"Use {documents.WEB_MERCATOR_QUAD}.")
        return Document(tilejson(tileset, origin, call))

    def _origin(self, call: Call) -> tuple[Origin, list[Source]]:
        """Return what is asked about: a collection, or the dataset as the principal may see it."""
        identifier = call.path.get("collectionId")
        if identifier is not None:
            view = self._gate.view(call.principal, identifier)
            return origin_of(view.collection, call.lang), [(view, self._gate.store(view))]
        sources = [(view, self._gate.store(view)) for view in self._gate.views(call.principal)]
        return dataset(self._service, sources, call.lang), sources

    async def _asked(self, call: Call) -> tuple[Origin, TileSet, tuple[Layer, ...]]:
        """Return the tileset that is asked for, and its layers as the query selects them."""
        origin, sources = self._origin(call)
        layers = self._layers(call, origin, sources)
        matrix_set = self._tilesets.matrix_set(call.path["tileMatrixSetId"])
        found = await anyio.to_thread.run_sync(lambda: self._tilesets.get(sources, matrix_set, whole=origin.whole))
        return origin, _shown(found, layers), layers

    def _layers(self, call: Call, origin: Origin, sources: Sequence[Source]) -> tuple[Layer, ...]:
        packs = self._packs
        layers = tuple(Layer(view, store, pack=packs.get(view.collection, store)) for view, store in sources)
        if origin.whole:
            return asked.of_dataset(call, layers)
        return (asked.of_collection(call, layers[0], by_property=False),)


def _shown(tileset: TileSet, layers: Sequence[Layer]) -> TileSet:
    """Return the tileset of the layers asked for, each with the columns asked for.

    Raises InvalidParameter when there are none on its matrix set.
    """
    shown = tileset.only({layer.view.collection.id: layer.columns for layer in layers})
    if not shown.parts:
        raise InvalidParameter(f"None of these collections has tiles on '{tileset.matrix_set.id}'.")
    return shown
