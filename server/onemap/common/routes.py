"""Handlers of OGC API Common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio.to_thread
import yaml

from onemap.block import HTML, JSON, OPENAPI, Block, Call, Content, Document, Reply
from onemap.block.links import Link, Links, link
from onemap.common.describe import describe, map_layer
from onemap.config import Settings, Text
from onemap.security import Gate

_CONFORMANCE_REL = "http://www.opengis.net/def/rel/ogc/1.0/conformance"
_KINDS = {
    "planning": Text(zh="规划", en="Planning"),
    "management": Text(zh="管理", en="Management"),
    "status": Text(zh="现状", en="Present state"),
    "socioeconomic": Text(zh="社会经济", en="Society and economy"),
    "other": Text(zh="其他", en="Other"),
}
"""The classes of the catalogue as the map lists them, what lies above first."""
_DATA_REL = "http://www.opengis.net/def/rel/ogc/1.0/data"


class CommonRoutes:
    """Landing page, conformance, API definition and collections."""

    def __init__(
        self,
        gate: Gate,
        settings: Settings,
        others: Sequence[Block],
        classes: tuple[str, ...],
        definition: Callable[[Call], dict[str, Any]],
    ) -> None:
        self._gate = gate
        self._service = settings.service
        self._others = others
        self._classes = classes
        self._definition = definition

    async def landing(self, call: Call) -> Reply:
        """Answer the landing page."""
        links = [
            *call.own_links(),
            *_landing_links(call.links),
            *(item for block in self._others for item in block.landing_links(call.links)),
        ]
        data = {
            "title": self._service.title.get(call.lang),
            "description": self._service.description.get(call.lang),
            "attribution": self._service.attribution,
            "links": links,
        }
        views = self._gate.views(call.principal)
        page = {"collections": [view.collection for view in views], "blocks": self._others}
        return Document(data, "common/landing.html", page)

    async def conformance(self, call: Call) -> Reply:
        """Answer the conformance declaration."""
        return Document(
            {"links": call.own_links(), "conformsTo": list(self._classes)},
            "common/conformance.html",
        )

    async def api(self, call: Call) -> Reply:
        """Answer the OpenAPI document, or a page that shows it."""
        if call.format is HTML:
            return Document({}, "common/api.html")
        definition = await anyio.to_thread.run_sync(self._definition, call)
        if call.format.name == "yaml":
            text = await anyio.to_thread.run_sync(_yaml, definition)
            return Content(text.encode(), call.format.media_type)
        return Document(definition)

    async def collections(self, call: Call) -> Reply:
        """Answer the list of the collections that the caller may see."""
        listed = await anyio.to_thread.run_sync(self._describe_all, call)
        data = {
            "links": call.own_links(),
            "collections": listed,
            "numberMatched": len(listed),
            "numberReturned": len(listed),
        }
        return Document(data, "common/collections.html")

    async def collection(self, call: Call) -> Reply:
        """Answer one collection document."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        links = self._collection_links(call, view.collection.id)
        data = await anyio.to_thread.run_sync(describe, view, self._gate.store(view), call.lang, links)
        layer = await anyio.to_thread.run_sync(map_layer, view, self._gate.store(view), call)
        page = {"collection": view.collection, "columns": view.columns, "layer": layer}
        return Document(data, "common/collection.html", page)

    async def map(self, call: Call) -> Reply:
        """Answer the map page with all visible collections as vector tiles."""
        layers = await anyio.to_thread.run_sync(self._layers, call)
        kinds = [{"id": name, "title": title.get(call.lang)} for name, title in _KINDS.items()]
        return Document({}, "map.html", {"layers": layers, "kinds": kinds})

    def _layers(self, call: Call) -> list[dict[str, Any]]:
        views = self._gate.views(call.principal)
        return [map_layer(view, self._gate.store(view), call) for view in views]

    def _describe_all(self, call: Call) -> list[dict[str, Any]]:
        return [
            describe(view, self._gate.store(view), call.lang, self._collection_links(call, view.collection.id))
            for view in self._gate.views(call.principal)
        ]

    def _collection_links(self, call: Call, identifier: str) -> list[Link]:
        base = ("collections", identifier)
        own = [
            link(call.links.to(*base, f="json"), "self", JSON.media_type, "This collection"),
            link(call.links.to(*base, f="html"), "alternate", HTML.media_type, "This collection as HTML"),
        ]
        if call.format is HTML:
            own[0]["rel"], own[1]["rel"] = "alternate", "self"
        return [*own, *(item for block in self._others for item in block.collection_links(call.links, identifier))]


def _landing_links(links: Links) -> list[Link]:
    return [
        link(links.to("api", f="json"), "service-desc", OPENAPI.media_type, "API definition (OpenAPI 3.0)"),
        link(links.to("api", f="html"), "service-doc", HTML.media_type, "API documentation"),
        link(links.to("conformance", f="json"), "conformance", JSON.media_type, "Conformance classes"),
        link(links.to("conformance", f="json"), _CONFORMANCE_REL, JSON.media_type, "Conformance classes"),
        link(links.to("collections", f="json"), "data", JSON.media_type, "Collections"),
        link(links.to("collections", f="json"), _DATA_REL, JSON.media_type, "Collections"),
    ]


def _yaml(definition: dict[str, Any]) -> str:
    """Return a document as YAML, by libyaml where it is there: five times as fast, the same text."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(definition, Dumper=dumper, allow_unicode=True, sort_keys=False, width=120))
