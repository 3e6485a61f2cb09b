"""Items, item, queryables and schema of a collection. Each handler: parse, ask, encode, respond."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Any

import anyio.to_thread
import orjson

from onemap.block import HTML, Call, Content, Document, Reply, Stream
from onemap.block.links import Link, link
from onemap.catalog import Collection
from onemap.config import Settings
from onemap.cql import describe_functions
from onemap.errors import BadRequest, NotFound, TooLarge
from onemap.features import browse, download, encode, form, schema
from onemap.features.crs import content_crs
from onemap.features.encode import geojson, jsonfg
from onemap.features.modified import last_modified
from onemap.features.page import Page
from onemap.features.params import ItemsRequest, parse_item, parse_items
from onemap.features.places import Held, places_of
from onemap.features.profiles import chosen, is_jsonfg, profile_links, with_profile
from onemap.features.relations import with_schemas
from onemap.features.scratch import Scratch
from onemap.features.token import Tokens
from onemap.geo.crs import Crs
from onemap.security import Gate
from onemap.store import Batch, Modified, Store, View, WritableStore, feature_state
from onemap.store.base import Key


class FeatureRoutes:
    """The handlers of OGC API Features."""

    def __init__(self, gate: Gate, settings: Settings, tokens: Tokens, scratch: Scratch) -> None:
        self._gate = gate
        self._limits = settings.limits
        self._tokens = tokens
        self._editing = settings.editing.allow != "none"
        self._scratch = scratch
        self._places = places_of(settings)

    async def items(self, call: Call) -> Reply:
        """Answer a page of features."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        if call.format is HTML:
            return await self._page(call, view)
        encoding = encode.BY_NAME[call.format.name]
        request = parse_items(call, view, download.limits(encoding, self._limits), self._tokens)
        make = self._download if encoding.download else self._collection
        chunks, more = await anyio.to_thread.run_sync(make, call, view, request, encoding)
        more = with_profile(content_crs(request.crs) | more, chosen(call))
        headers = with_schemas(more, call.links, view.collection.id)
        return Stream(chunks, encoding.format.media_type, headers)

    async def _page(self, call: Call, view: View) -> Reply:
        """Answer features as a page to read; what cannot be answered comes back in the form it was asked with."""
        encoding = encode.BY_NAME["json"]
        try:
            if form.posted(call):
                address = call.links.self({}, **form.query(call, view, form.read(call, view)))
                return Content(b"", "text/plain", 303, {"Location": address})
            request = parse_items(call, view, self._limits, self._tokens)
            chunks, _ = await anyio.to_thread.run_sync(self._collection, call, view, request, encoding)
            data = orjson.loads(await anyio.to_thread.run_sync(lambda: b"".join(chunks)))
        except (BadRequest, TooLarge) as error:
            return Document({}, "features/items.html", browse.failed(call, view, error), status=error.status)
        page = browse.page(call, view, request.names, request.query.limit)
        headers = with_schemas(content_crs(request.crs), call.links, view.collection.id)
        return Document(data, "features/items.html", page, headers=headers)

    async def item(self, call: Call) -> Reply:
        """Answer one feature."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        crs = parse_item(call, view)
        store, key = self._gate.store(view), call.path["featureId"]
        known = await self._known(view, store, key)
        batch = await store.feature_soon(view, key)
        if not len(batch):
            raise NotFound(f"There is no feature '{call.path['featureId'][:80]}' in '{view.collection.id}'.")
        data = self.represent(call, view, batch, crs)
        page = {"collection": view.collection, "columns": view.columns}
        state, media_type = feature_state(batch), call.format.media_type
        headers = with_profile(content_crs(crs) | last_modified(known), chosen(call))
        return Document(data, "features/item.html", page, headers=headers, media_type=media_type, state=state)

    async def _known(self, view: View, store: Store, key: str) -> Modified | None:
        """Return when a feature was last changed, where features may be changed here.

        To be asked before the feature is read: a change in between must not date the older state.
        """
        if not (self._editing and view.collection.editable and isinstance(store, WritableStore)):
            return None
        return await anyio.to_thread.run_sync(store.modified, view, key)

    def represent(self, call: Call, view: View, batch: Batch, crs: Crs) -> dict[str, Any]:
        """Return the document of the one feature of a batch, at the address that the call has."""
        if fg := is_jsonfg(call.format, chosen(call)):
            feature = jsonfg.feature(batch, self._context(call, view, crs))
        else:
            (feature,) = geojson.features(batch, view.collection.storage, crs)
        feature["links"] = document_links(call, view.collection)
        if fg or call.format is HTML:
            data: dict[str, Any] = orjson.loads(orjson.dumps(feature, option=orjson.OPT_SERIALIZE_NUMPY))
            return data
        return feature

    async def queryables(self, call: Call) -> Reply:
        """Answer the queryables of a collection."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        data = schema.queryables(view, call.links.self(), call.lang)
        return Document(data, "features/schema.html", {"collection": view.collection})

    async def sortables(self, call: Call) -> Reply:
        """Answer the sortables of a collection."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        data = schema.sortables(view, call.links.self(), call.lang)
        return Document(data, "features/schema.html", {"collection": view.collection})

    async def functions(self, call: Call) -> Reply:
        """Answer the functions that filters may use (OGC 19-079r2, /req/filter/get-functions-operation)."""
        return Document({"functions": describe_functions(), "links": call.own_links()}, "features/functions.html")

    async def schema(self, call: Call) -> Reply:
        """Answer the schema of a collection's features."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        data = schema.schema(view, call.links.self(), call.lang)
        return Document(data, "features/schema.html", {"collection": view.collection})

    def _download(
        self, call: Call, view: View, request: ItemsRequest, encoding: encode.Encoding
    ) -> tuple[Iterator[bytes], dict[str, str]]:
        """Return the chunks and headers of a download, which has its place until they end. Raises Crowded."""
        release = self._places.take()
        try:
            chunks, headers = self._collection(call, view, request, encoding)
        except BaseException:
            release()
            raise
        return Held(chunks, release), headers

    def _collection(
        self, call: Call, view: View, request: ItemsRequest, encoding: encode.Encoding
    ) -> tuple[Iterator[bytes], dict[str, str]]:
        """Return the chunks and the headers of an answer, the first batch already read so that errors come early."""
        store, query = self._gate.store(view), request.query
        matched = store.count(view, query, download.most_counted(encoding, self._limits))
        batches = store.batches(view, replace(query, limit=query.limit + 1))
        first: list[Batch] = [batch for batch in [next(batches, None)] if batch is not None]
        page = Page(chain(first, batches), query.order, request.names, skip_geometry=request.skip_geometry)
        context = replace(
            self._context(call, view, request.crs),
            fields=view.only(request.names),
            limit=query.limit,
            matched=matched,
            links=partial(self._links, call, view.collection, request, page),
            options=encode.parse_options(call, encoding.options, view.collection.table.geometry_type),
            whole=encoding.download and "limit" not in call.query,
            scratch=self._scratch.folder() if encoding.download else None,
        )
        headers = download.headers(call, context, query, encoding) if encoding.download else {}
        writer = jsonfg.write if is_jsonfg(encoding.format, context.profile) else encoding.writer
        return writer(iter(page), context), headers

    def _context(self, call: Call, view: View, crs: Crs) -> encode.Context:
        """Return what the writers must know of a single feature."""
        return encode.Context(
            collection=view.collection,
            fields=view.columns,
            storage=view.collection.storage,
            crs=crs,
            limit=1,
            matched=None,
            links=lambda _: [],
            schema=call.links.to("collections", view.collection.id, "schema", f="json"),
            profile=chosen(call),
        )

    def _links(
        self, call: Call, collection: Collection, request: ItemsRequest, page: Page, last: Key | None
    ) -> list[Link]:
        made = document_links(call, collection)
        made += [
            link(download.address(call, item), "enclosure", item.format.media_type, item.title)
            for item in encode.DOWNLOADS
        ]
        if last is None:
            return made
        if request.paging == "offset":
            more: dict[str, object] = {"offset": request.query.offset + request.query.limit}
        else:
            more = {"next": self._tokens.write(page.position(last), collection.id, request.query.order)}
        address = call.links.self(call.query, f=call.format.name, **more)
        return [*made, link(address, "next", call.format.media_type, "Next page")]


def document_links(call: Call, collection: Collection) -> list[Link]:
    """Return the links of a document to itself in its formats, and to its collection."""
    made = [
        link(call.links.self(call.query, f=name), rel, media_type, title)
        for name, rel, media_type, title in _forms(call.format.media_type)
    ]
    made += profile_links(chosen(call))
    address = call.links.to("collections", collection.id, f="json")
    return [*made, link(address, "collection", "application/json", collection.id)]


@cache
def _forms(own: str) -> list[tuple[str, str, str, str]]:
    """Return name, relation, media type and title of each form of a document that is read in one of them."""
    plain, *others = ((item.format, item.title) for item in encode.PAGES)
    return [
        (form.name, "self", form.media_type, "This document")
        if form.media_type == own
        else (form.name, "alternate", form.media_type, f"This document as {title}")
        for form, title in (plain, (HTML, "HTML"), *others)
    ]
