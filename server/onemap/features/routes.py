"""Items, item, queryables and schema of a collection. Each handler: parse, ask, encode, respond."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain

import anyio.to_thread
import orjson

from onemap.block import GEOJSON, HTML, Call, Document, Reply, Stream
from onemap.block.links import Link, link
from onemap.catalog import Collection
from onemap.config import Settings
from onemap.errors import NotFound
from onemap.features import encode, schema
from onemap.features.params import ItemsRequest, parse_item, parse_items
from onemap.features.token import Tokens
from onemap.geo.crs import Crs
from onemap.security import Gate
from onemap.store import Batch, FeatureQuery, View
from onemap.store.base import Key


class FeatureRoutes:
    """The handlers of OGC API Features."""

    def __init__(self, gate: Gate, settings: Settings, tokens: Tokens) -> None:
        self._gate = gate
        self._limits = settings.limits
        self._tokens = tokens

    async def items(self, call: Call) -> Reply:
        """Answer a page of features."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        request = parse_items(call, view, self._limits, self._tokens)
        chunks = await anyio.to_thread.run_sync(self._collection, call, view, request)
        headers = content_crs(request.crs)
        if call.format is not HTML:
            return Stream(chunks, GEOJSON.media_type, headers)
        data = orjson.loads(await anyio.to_thread.run_sync(lambda: b"".join(chunks)))
        page = {"collection": view.collection, "columns": view.columns, "limit": request.query.limit}
        return Document(data, "features/items.html", page, headers=headers)

    async def item(self, call: Call) -> Reply:
        """Answer one feature."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        crs = parse_item(call, view)
        batch = await anyio.to_thread.run_sync(self._gate.store(view).feature, view, call.path["featureId"])
        if not len(batch):
            raise NotFound(f"There is no feature '{call.path['featureId'][:80]}' in '{view.collection.id}'.")
        feature = encode.features(batch, view.collection.storage, crs)[0] | {"links": item_links(call, view.collection)}
        data = orjson.loads(orjson.dumps(feature, option=orjson.OPT_SERIALIZE_NUMPY))
        page = {"collection": view.collection, "columns": view.columns}
        media_type = None if call.format is HTML else GEOJSON.media_type
        return Document(data, "features/item.html", page, headers=content_crs(crs), media_type=media_type)

    async def queryables(self, call: Call) -> Reply:
        """Answer the queryables of a collection."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        data = schema.queryables(view, call.links.self(), call.lang)
        return Document(data, "features/schema.html", {"collection": view.collection})

    async def schema(self, call: Call) -> Reply:
        """Answer the schema of a collection's features."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        data = schema.schema(view, call.links.self(), call.lang)
        return Document(data, "features/schema.html", {"collection": view.collection})

    def _collection(self, call: Call, view: View, request: ItemsRequest) -> Iterator[bytes]:
        """Return the chunks of a FeatureCollection, the first batch already read so that errors come early."""
        store, query = self._gate.store(view), request.query
        matched = store.count(view, query, self._limits.count_max)
        one_more = FeatureQuery(query.limit + 1, query.box, query.filter, query.after, query.offset)
        batches = store.batches(view, one_more)
        first: list[Batch] = [batch for batch in [next(batches, None)] if batch is not None]
        links = partial(self._links, call, view.collection, request)
        return encode.feature_collection(
            chain(first, batches), view.collection.storage, request.crs, query.limit, matched, links
        )

    def _links(self, call: Call, collection: Collection, request: ItemsRequest, last: Key | None) -> list[Link]:
        made = [
            link(call.links.self(call.query, f="json"), "self", GEOJSON.media_type, "This document"),
            link(call.links.self(call.query, f="html"), "alternate", HTML.media_type, "This document as HTML"),
            link(
                call.links.to("collections", collection.id, f="json"), "collection", "application/json", collection.id
            ),
        ]
        if call.format is HTML:
            made[0]["rel"], made[1]["rel"] = "alternate", "self"
        if last is None:
            return made
        if request.paging == "offset":
            more: dict[str, object] = {"offset": request.query.offset + request.query.limit}
        else:
            more = {"next": self._tokens.write(last, collection.id)}
        address = call.links.self(call.query, f=call.format.name, **more)
        kind = HTML.media_type if call.format is HTML else GEOJSON.media_type
        return [*made, link(address, "next", kind, "Next page")]


def content_crs(crs: Crs) -> dict[str, str]:
    """Return the header that states the CRS of the coordinates (/req/crs/ogc-crs-header)."""
    return {"Content-Crs": f"<{crs.uri}>"}


def item_links(call: Call, collection: Collection) -> list[Link]:
    """Return the links of a feature document."""
    return [
        link(call.links.self(call.query, f="json"), "self", GEOJSON.media_type, "This document"),
        link(call.links.self(call.query, f="html"), "alternate", HTML.media_type, "This document as HTML"),
        link(call.links.to("collections", collection.id, f="json"), "collection", "application/json", collection.id),
    ]
