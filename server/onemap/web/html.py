"""Pages: Jinja templates over the same data as the JSON documents."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from onemap.block import Call
from onemap.config import Service

STATIC = Path(__file__).parent / "static"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; script-src 'self'; frame-ancestors 'self'; base-uri 'self'"
    ),
    "Referrer-Policy": "same-origin",
}


@cache
def environment() -> jinja2.Environment:
    """Return the template environment of this package."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


class Pages:
    """Render pages for one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def render(self, template: str, data: Any, call: Call, page: Mapping[str, Any]) -> bytes:
        """Return a page as UTF-8."""
        other = "en" if call.lang == "zh" else "zh"
        context = {
            "data": data,
            "service": self._service,
            "lang": call.lang,
            "t": lambda zh, en: en if call.lang == "en" else zh,
            "links": call.links,
            "here": call.links.here,
            "static": lambda name: call.links.to("static", *name.split("/")),
            "alternate": lambda name: call.links.self(call.query, f=name),
            "language_switch": call.links.self(call.query, lang=other),
        }
        return environment().get_template(template).render({**page, **context}).encode()
