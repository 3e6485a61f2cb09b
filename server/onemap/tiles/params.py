"""A tile request, parsed once from the ASGI scope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onemap.block import Format
from onemap.block.conditional import accepts_gzip, refused
from onemap.block.query import parse_query, shorten
from onemap.errors import InvalidParameter, MethodNotAllowed, NotAcceptable, NotFound
from onemap.tiles.mvt import MEDIA_TYPE

FORMAT = "mvt"
MVT = Format(FORMAT, MEDIA_TYPE)
METHODS = "GET, HEAD, OPTIONS"
PATTERN = re.compile(r"(?:/collections/([^/]+))?/tiles/([^/]+)/([^/]+)/([^/]+)/([^/]+)")
"""The address of a tile: of a collection, or of the dataset."""
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_TAKEN = frozenset({MEDIA_TYPE, "application/x-protobuf", "application/*", "*/*"})
_PLAIN = (b"", b"f=mvt")

Query = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class TileRequest:
    """Which tile is asked for, and how it may be answered. ``row`` and ``col`` are not negative.

    ``collection``: None for a tile of the dataset. ``query``: what is asked of the content, None for all there is.
    """

    collection: str | None
    matrix_set: str
    level: str
    row: int
    col: int
    gzip: bool
    if_none_match: str | None
    query: Query | None = None


def parse_tile(scope: Mapping[str, Any], match: re.Match[str]) -> TileRequest:
    """Return the request.

    Raises MethodNotAllowed, InvalidParameter for a query that cannot be read, NotAcceptable, and
    NotFound for a row or column that is not a number (OGC API Tiles /req/core/tc-error).
    """
    if scope["method"] not in ("GET", "HEAD"):
        method = str(scope["method"])[:20]
        raise MethodNotAllowed(f"{method} is not supported here.", f"Allowed: {METHODS}.", allow=METHODS)
    collection, matrix_set, level, row, col = match.groups()
    headers: Mapping[str, str] = scope["onemap.headers"]
    query = _query(scope["query_string"], headers.get("accept"))
    for number in (row, col):
        if not _NUMBER.fullmatch(number):
            raise NotFound(f"There is no tile '{shorten(number)}'.", "Rows and columns are whole numbers from 0.")
    gzip = accepts_gzip(headers.get("accept-encoding", ""))
    return TileRequest(collection, matrix_set, level, int(row), int(col), gzip, headers.get("if-none-match"), query)


def _query(query_string: bytes, accept: str | None) -> Query | None:
    """Return what is asked of the content; the format by ``f``, else by Accept, must be the one there is."""
    if query_string in _PLAIN:
        if not query_string:
            _check_accept(accept)
        return None
    query = parse_query(query_string)
    values = query.pop("f", None)
    if values is None:
        _check_accept(accept)
        return query
    if len(values) > 1:
        raise InvalidParameter(f"The parameter 'f' is given {len(values)} times.", "Give it once.")
    if values[0] != FORMAT:
        raise InvalidParameter(f"'f' is '{shorten(values[0])}'.", f"Tiles come as '{FORMAT}' only.")
    return query or None


def _check_accept(accept: str | None) -> None:
    if accept is None or accept == "*/*":
        return
    ranges = [part.replace(" ", "").lower().split(";") for part in accept.split(",")]
    if not any(name in _TAKEN and not refused(parameters) for name, *parameters in ranges):
        raise NotAcceptable(f"Nothing in '{shorten(accept, 120)}' can be produced here.", f"Offered: {MEDIA_TYPE}.")
