"""Handlers of OGC API Styles, and of the fonts and sprites that styles name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import orjson

from onemap.block import HTML, Call, Content, Document, Reply
from onemap.block.conditional import accepts_gzip
from onemap.block.query import shorten
from onemap.config import Text
from onemap.errors import NotFound, Unavailable
from onemap.geo.crs import CRS84, Bounds, transform_bounds
from onemap.security import Gate
from onemap.store import View
from onemap.styles import documents
from onemap.styles.declare import StyleDeclaration
from onemap.styles.documents import MAPBOX, PNG
from onemap.styles.fonts import Fonts, unpack
from onemap.styles.legend import legend_document
from onemap.styles.legend_image import legend_image
from onemap.styles.library import Library
from onemap.styles.mapbox import mapbox_style
from onemap.styles.portrayal import Portrayal, plain, portray
from onemap.styles.shelf import Shelf
from onemap.styles.sld import MEDIA_TYPE, sld
from onemap.styles.sprite import pattern_svg

PBF = "application/x-protobuf"
SVG = "image/svg+xml"
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})", re.ASCII)
DEFAULT = "default"
_ALL = StyleDeclaration(title=Text(zh="全部图层", en="All layers"), whole=True)
_MOST_LEGENDS = 100
# Fonts change with the installation only, and a pattern is what its name says; a day later they are asked for again.
_KEPT = {"Cache-Control": "public, max-age=86400"}


class StyleRoutes:
    """The handlers of styles, legends, fonts and sprites."""

    def __init__(self, gate: Gate, shelf: Shelf, fonts: Fonts) -> None:
        self._gate = gate
        self._shelf = shelf
        self._fonts = fonts

    @property
    def _library(self) -> Library:
        return self._shelf.shown.library

    async def styles(self, call: Call) -> Reply:
        """Answer the list of the styles that draw something the caller may see."""
        found = self._of_views(self._gate.views(call.principal))
        whole = self._library.whole
        default = whole if whole in {style.id for style in found} else None
        return Document(documents.styles_document(found, default, call), "styles/styles.html", {"found": found})

    async def collection_styles(self, call: Call) -> Reply:
        """Answer the list of the styles that draw a collection."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        found = self.of_collection(view)
        page = {"found": found, "collection": view.collection}
        return Document(documents.styles_document(found, found[0].id, call), "styles/styles.html", page)

    async def style(self, call: Call) -> Reply:
        """Answer a style as a stylesheet, or as a map drawn with it."""
        return await self._stylesheet(self._portrayal(call), call)

    async def collection_style(self, call: Call) -> Reply:
        """Answer a style with what it draws of one collection."""
        view = self._gate.view(call.principal, call.path["collectionId"])
        style = self._portrayal(call, view).of(view.collection.id)
        if not style.layers:
            raise NotFound(f"The style '{style.id}' does not draw '{view.collection.id}'.")
        return await self._stylesheet(style, call)

    async def metadata(self, call: Call) -> Reply:
        """Answer the metadata of a style."""
        style = self._portrayal(call)
        return Document(documents.metadata(style, call), "styles/metadata.html", {"style": style})

    async def legend(self, call: Call) -> Reply:
        """Answer the legend of a style, as an image or as data."""
        style, kept = self._portrayal(call), self._shelf.shown.legends
        if call.format is PNG:
            return Content(await anyio.to_thread.run_sync(self._legend_image, style, call.lang, kept), PNG.media_type)
        return Document(await anyio.to_thread.run_sync(legend_document, style, self._fonts, call.lang))

    async def glyphs(self, call: Call) -> Reply:
        """Answer the glyphs of 256 code points."""
        stack, wanted = call.path["fontstack"], call.path["range"]
        found = _RANGE.fullmatch(wanted)
        first = int(found[1]) if found else -1
        if found is None or first % 256 or int(found[2]) != first + 255 or first > 0xFFFF:
            raise NotFound(f"There is no range '{shorten(wanted)}'.", "Ranges are 0-255, 256-511, up to 65280-65535.")
        packed = await anyio.to_thread.run_sync(self._fonts.packed, stack, first)
        if packed is None:
            raise NotFound(f"There is no font '{shorten(stack)}'.", f"Fonts: {', '.join(self._fonts.names())}.")
        if accepts_gzip(call.headers.get("accept-encoding", "")):
            return Content(packed, PBF, headers={**_KEPT, "Content-Encoding": "gzip"})
        return Content(unpack(packed), PBF, headers=_KEPT)

    async def sprite_places(self, call: Call) -> Reply:
        """Answer where each sprite is in its image."""
        found = self._shelf.shown.sheets.get(call.path["sprite"])
        if found is None:
            raise NotFound(f"There are no sprites '{shorten(call.path['sprite'])}'.", "Use onemap or onemap@2x.")
        return Content(orjson.dumps(found.places), "application/json")

    async def sprite_image(self, call: Call) -> Reply:
        """Answer the image of the sprites."""
        found = self._shelf.shown.sheets.get(call.path["sprite"])
        if found is None:
            raise NotFound(f"There are no sprites '{shorten(call.path['sprite'])}'.", "Use onemap or onemap@2x.")
        return Content(found.image, PNG.media_type)

    async def pattern(self, call: Call) -> Reply:
        """Answer one pattern."""
        found = self._shelf.shown.patterns.get(call.path["pattern"])
        if found is None:
            raise NotFound(f"There is no pattern '{shorten(call.path['pattern'])}'.", "The styles name them.")
        return Content(pattern_svg(found), SVG, headers=_KEPT)

    def _legend_image(self, style: Portrayal, lang: str, kept: dict[tuple[str, ...], bytes]) -> bytes:
        key = (style.id, lang, *(view.digest for view in style.views()))
        if key not in kept:
            if len(kept) >= _MOST_LEGENDS:
                kept.clear()
            kept[key] = legend_image(style, self._fonts, lang)
        return kept[key]

    def of_collection(self, view: View) -> list[Portrayal]:
        """Return the styles that draw a collection, those of it alone before those of many."""
        found = self._of_views([view])
        return sorted(found, key=lambda style: self._library.whole == style.id)

    def _of_views(self, views: list[View]) -> list[Portrayal]:
        """Return what every style comes to for these views, and a plain style for each view without one."""
        declared = self._library.declared
        made = [portray(name, style, self._library.layers(name), views) for name, style in declared.items()]
        found = [style for style in made if style]
        drawn = {view.collection.id for style in found if style.id != self._library.whole for view in style.views()}
        return found + [plain(view) for view in views if self._is_plain(view, drawn)]

    def _is_plain(self, view: View, drawn: set[str]) -> bool:
        return view.collection.id not in drawn and view.collection.id not in self._library.declared

    def _portrayal(self, call: Call, view: View | None = None) -> Portrayal:
        """Return the style asked for; ``default`` is the first of a collection, or that of the whole map.

        Raises NotFound alike for unknown styles and those of hidden collections.
        """
        wanted = call.path["styleId"]
        if wanted == DEFAULT and view is not None:
            return self.of_collection(view)[0]
        if wanted == DEFAULT:
            wanted = self._library.whole or wanted
        views = self._gate.views(call.principal)
        declared = self._library.declared.get(wanted)
        if declared:
            found = portray(wanted, declared, self._library.layers(wanted), views)
        else:
            found = next((style for style in self._of_views(views) if style.id == wanted), None)
        if found is None and wanted == DEFAULT:
            found = portray(DEFAULT, _ALL, (), views)
        if found is None:
            raise NotFound(f"There is no style '{shorten(wanted)}'.", "GET /styles lists the styles.")
        return found

    async def _stylesheet(self, style: Portrayal, call: Call) -> Reply:
        if call.format is HTML:
            return Document({}, "styles/style.html", await self._page(style, call.lang))
        if call.format is MAPBOX:
            return Content(orjson.dumps(mapbox_style(style, call.links, call.lang)), MAPBOX.media_type)
        make: Callable[..., Any] = sld
        return Content(await anyio.to_thread.run_sync(make, style, call.links, call.lang), MEDIA_TYPE)

    async def _page(self, style: Portrayal, lang: str) -> dict[str, Any]:
        views = style.views()
        boxes = await anyio.to_thread.run_sync(lambda: [self._box(view) for view in views])
        given = [box for box in boxes if box]
        sides = list(zip(*given, strict=True))
        bounds = [min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])] if given else None
        layers = [
            {"id": view.collection.id, "title": view.collection.title.get(lang), "role": view.collection.role}
            for view in views
        ]
        return {"style": style, "layers": layers, "bounds": bounds}

    def _box(self, view: View) -> Bounds | None:
        """Return the bounds of a collection in longitude and latitude; None where they are not known."""
        try:
            bounds = self._gate.store(view).extent(view)
        except Unavailable:
            return None
        return transform_bounds(bounds, view.collection.storage, CRS84) if bounds else None
