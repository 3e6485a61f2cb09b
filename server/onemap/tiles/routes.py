"""Handlers of OGC API Tiles."""

from __future__ import annotations

import anyio.to_thread

from onemap.block import Call, Document, Reply
from onemap.errors import NotFound
from onemap.security import Gate
from onemap.store import View
from onemap.tiles import documents
from onemap.tiles.tilesets import TileSet, TileSets


class TileRoutes:
    """The handlers of tile matrix sets and tilesets."""

    def __init__(self, gate: Gate, tilesets: TileSets) -> None:
        self._gate = gate
        self._tilesets = tilesets

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
        """Answer the list of a collection's tilesets."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        found = await anyio.to_thread.run_sync(self._of_view, view)
        listed = [documents.tileset_item(item, call) for item in found]
        data = {"links": call.own_links(), "tilesets": listed}
        return Document(data, "tiles/tilesets.html", {"collection": view.collection})

    async def tileset(self, call: Call) -> Reply:
        """Answer the metadata of a tileset."""
        tileset = await self._asked(call)
        collection = tileset.view.collection
        page = {"collection": collection, "columns": tileset.view.columns, "matrix_set": tileset.matrix_set}
        return Document(documents.tileset_document(tileset, call), "tiles/tileset.html", page)

    async def tilejson(self, call: Call) -> Reply:
        """Answer TileJSON, which knows only the web Mercator grid."""
        tileset = await self._asked(call)
        if tileset.matrix_set.id != documents.WEB_MERCATOR_QUAD:
            raise NotFound("TileJSON describes Web Mercator tiles only.", f"Use {documents.WEB_MERCATOR_QUAD}.")
        return Document(documents.tilejson(tileset, call.links, call.lang))

    async def _asked(self, call: Call) -> TileSet:
        view = self._gate.view(call.principal, call.path["collectionId"])
        matrix_set = self._tilesets.matrix_set(call.path["tileMatrixSetId"])
        return await anyio.to_thread.run_sync(self._tilesets.get, view, self._gate.store(view), matrix_set)

    def _of_view(self, view: View) -> list[TileSet]:
        store = self._gate.store(view)
        return [self._tilesets.get(view, store, item) for item in self._tilesets.matrix_sets.values()]
