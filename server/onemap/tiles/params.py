"""A tile request, parsed once from the ASGI scope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onemap.block.conditional import accepts_gzip, refused
from onemap.block.query import parse_query, refuse_unknown, shorten
from onemap.errors import InvalidParameter, MethodNotAllowed, NotAcceptable, NotFound
from onemap.tiles.mvt import MEDIA_TYPE

FORMAT = "mvt"
METHODS = "GET, HEAD, OPTIONS"
PATTERN = re.compile(r"/collections/([^/]+)/tiles/([^/]+)/([^/]+)/([^/]+)/([^/]+)")
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_TAKEN = frozenset({MEDIA_TYPE, "application/x-protobuf", "application/*", "*/*"})


@dataclass(frozen=True, slots=True)
class TileRequest:
    """Which tile is asked for, and how it may be answered. ``row`` and ``col`` are not negative."""

    collection: str
    matrix_set: str
    level: str
    row: int
    col: int
    gzip: bool
    if_none_match: str | None


def parse_tile(scope: Mapping[str, Any], match: re.Match[str]) -> TileRequest:
    """Return the request.

    Raises MethodNotAllowed, UnknownParameter and InvalidParameter for the query, NotAcceptable, and
    NotFound for a row or column that is not a number (OGC API Tiles /req/core/tc-error).
    """
    if scope["method"] not in ("GET", "HEAD"):
        method = str(scope["method"])[:20]
        raise MethodNotAllowed(f"{method} is not supported here.", f"Allowed: {METHODS}.", allow=METHODS)
    collection, matrix_set, level, row, col = match.groups()
    headers: Mapping[str, str] = scope["onemap.headers"]
    if scope["query_string"]:
        _check_query(scope["query_string"])
    else:
        _check_accept(headers.get("accept"))
    for number in (row, col):
        if not _NUMBER.fullmatch(number):
            raise NotFound(f"There is no tile '{shorten(number)}'.", "Rows and columns are whole numbers from 0.")
    gzip = accepts_gzip(headers.get("accept-encoding", ""))
    return TileRequest(collection, matrix_set, level, int(row), int(col), gzip, headers.get("if-none-match"))


def _check_query(query_string: bytes) -> None:
    query = parse_query(query_string)
    refuse_unknown(query, ("f",))
    values = query.get("f", [FORMAT])
    if len(values) > 1:
        raise InvalidParameter(f"The parameter 'f' is given {len(values)} times.", "Give it once.")
    if values[0] != FORMAT:
        raise InvalidParameter(f"'f' is '{shorten(values[0])}'.", f"Tiles come as '{FORMAT}' only.")


def _check_accept(accept: str | None) -> None:
    if accept is None or accept == "*/*":
        return
    ranges = [part.replace(" ", "").lower().split(";") for part in accept.split(",")]
    if not any(name in _TAKEN and not refused(parameters) for name, *parameters in ranges):
        raise NotAcceptable(f"Nothing in '{shorten(accept, 120)}' can be produced here.", f"Offered: {MEDIA_TYPE}.")
