"""Content negotiation: the format by ``f`` or Accept, the language by ``lang``, cookie or Accept-Language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from onemap.block import Format
from onemap.block.query import shorten
from onemap.errors import InvalidParameter, NotAcceptable, did_you_mean

LANGUAGES = ("zh", "en")
_ALSO_JSON = "application/json"


def choose_format(formats: Sequence[Format], wanted: str | None, accept: str) -> Format:
    """Return the format asked for by name, or the best one by the Accept header.

    Raises InvalidParameter for an unknown name and NotAcceptable when nothing accepted can be made.
    """
    if wanted is not None:
        found = next((item for item in formats if item.name == wanted), None)
        if found is None:
            names = [item.name for item in formats]
            raise InvalidParameter(f"'f' is '{shorten(wanted)}'.", did_you_mean(wanted, names))
        return found
    ranges = _ranges(accept)
    best = max(formats, key=lambda item: _quality(item, ranges))
    if _quality(best, ranges) <= 0:
        offered = ", ".join(item.media_type for item in formats)
        raise NotAcceptable(f"Nothing in '{shorten(accept, 120)}' can be produced here.", f"Offered: {offered}.")
    return best


@lru_cache(256)
def _ranges(accept: str) -> Mapping[str, float]:
    """Return the media ranges of an Accept header with their quality; an empty header accepts all."""
    ranges: dict[str, float] = {}
    for part in (accept or "*/*").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        ranges[name] = max(ranges.get(name, 0.0), _weight(parameters))
    return ranges


def _weight(parameters: list[str]) -> float:
    text = next((item[2:] for item in parameters if item.startswith("q=")), "1")
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def _quality(item: Format, ranges: Mapping[str, float]) -> float:
    media_type = item.media_type.split(";")[0]
    names = [media_type, *([_ALSO_JSON] if item.name == "json" or media_type.endswith("style+json") else [])]
    exact = [ranges[name] for name in names if name in ranges]
    if exact:
        return max(exact)
    family = media_type.split("/")[0] + "/*"
    return ranges.get(family, ranges.get("*/*", 0.0) * 0.999)


def choose_language(wanted: str | None, cookie: str | None, accept: str) -> str:
    """Return ``zh`` or ``en``. Raises InvalidParameter for another value of ``lang``."""
    if wanted is not None:
        if wanted not in LANGUAGES:
            raise InvalidParameter(f"'lang' is '{shorten(wanted)}'.", "Use zh or en.")
        return wanted
    if cookie in LANGUAGES:
        return str(cookie)
    return _spoken(accept)


@lru_cache(256)
def _spoken(accept: str) -> str:
    """Return the language that an Accept-Language header prefers."""
    ranges = _ranges(accept)
    english = max((weight for name, weight in ranges.items() if name.startswith("en")), default=0.0)
    chinese = max((weight for name, weight in ranges.items() if name.startswith("zh")), default=0.0)
    return "en" if english > max(chinese, ranges.get("*", 0.0)) else "zh"
