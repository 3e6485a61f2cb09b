"""The OpenAPI document of an instance, without a server."""

from __future__ import annotations

from typing import Any

from onemap.app import Instance, build_blocks
from onemap.block import OPENAPI, Call, Links
from onemap.security import identify
from onemap.web.openapi import definition


def openapi_document(instance: Instance, url: str, lang: str = "en") -> dict[str, Any]:
    """Return the OpenAPI document that anonymous callers get at ``url``/api."""
    blocks = build_blocks(instance, b"")
    call = Call(identify(), Links(url.rstrip("/"), "/api"), OPENAPI, lang=lang)
    return definition(blocks, instance.settings.service, call)
