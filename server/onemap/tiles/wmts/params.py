"""A WMTS request, as key-value pairs or as a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from onemap.block.query import parse_query, shorten
from onemap.errors import NotFound
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.wmts.faults import Fault
from onemap.tiles.wmts.names import STYLE

VERSION = "1.0.0"
CAPABILITIES = "WMTSCapabilities.xml"
_FORMATS = (MEDIA_TYPE, "application/x-protobuf", "mvt")
_REST = re.compile(
    r"([^/]+)/([^/]+)/(?:(all|\{Time\}|[0-9]{4}[^/]*)/)?([^/]+)/([^/]+)/([^/]+)/([^/.]+)(?:\.mvt)?", re.ASCII
)
_TILE = ("LAYER", "STYLE", "TIME", "TILEMATRIXSET", "TILEMATRIX", "TILEROW", "TILECOL")
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class GetTile:
    """A tile by the names that WMTS has for it; ``row`` and ``col`` are numbers, ``time`` is as it was given."""

    layer: str
    matrix_set: str
    matrix: str
    row: str
    col: str
    time: str = ""


def parse_rest(path: str) -> GetTile | None:
    """Return the request that a path below the version means; None for the capabilities. Raises Fault, NotFound."""
    if path == CAPABILITIES:
        return None
    found = _REST.fullmatch(path)
    if found is None:
        raise NotFound(f"There is nothing at '{shorten(path)}'.")
    return _tile(dict(zip(_TILE, found.groups(), strict=True)))


def parse_kvp(query_string: bytes) -> GetTile | None:
    """Return the request of key-value pairs; None for the capabilities, which no pairs at all mean too.

    Names are told apart without regard to case; unknown ones are passed over, as OWS asks. Raises Fault.
    """
    given = {name.upper(): values[0] for name, values in parse_query(query_string).items()}
    if not given:
        return None
    _is(given, "SERVICE", "WMTS")
    request = _need(given, "REQUEST")
    if request.lower() == "getcapabilities":
        _negotiate(given.get("ACCEPTVERSIONS", ""))
        return None
    if request.lower() != "gettile":
        raise Fault("OperationNotSupported", request[:60], f"There is no operation '{shorten(request)}'.")
    if given.get("VERSION", VERSION) != VERSION:
        raise Fault("InvalidParameterValue", "VERSION", f"The version is {VERSION}.")
    if given.get("FORMAT", MEDIA_TYPE) not in _FORMATS:
        raise Fault("InvalidParameterValue", "FORMAT", f"Tiles come as {MEDIA_TYPE} only.")
    optional = {"STYLE": STYLE, "TIME": ""}
    return _tile({name: given.get(name, optional[name]) if name in optional else _need(given, name) for name in _TILE})


def _negotiate(versions: str) -> None:
    if versions and VERSION not in versions.split(","):
        raise Fault("VersionNegotiationFailed", "ACCEPTVERSIONS", f"The version is {VERSION}.")


def _tile(given: Mapping[str, str | None]) -> GetTile:
    layer, style, time, matrix_set, matrix, row, col = (given[name] or "" for name in _TILE)
    if style not in ("", STYLE):
        raise Fault("InvalidParameterValue", "STYLE", f"The style is '{STYLE}'.")
    for name, number in (("TILEROW", row), ("TILECOL", col)):
        if not _NUMBER.fullmatch(number):
            raise Fault("InvalidParameterValue", name, f"'{shorten(number)}' is not a whole number from 0.")
    return GetTile(layer, matrix_set, matrix, str(int(row)), str(int(col)), time)


def _need(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise Fault("MissingParameterValue", name, f"The parameter {name} is missing.")
    return given[name]


def _is(given: Mapping[str, str], name: str, value: str) -> None:
    if _need(given, name).upper() != value:
        raise Fault("InvalidParameterValue", name, f"{name} is '{value}' here.")
