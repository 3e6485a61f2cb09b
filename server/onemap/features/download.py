"""Downloads: answers that are files to keep, not pages.

A request without ``limit`` asks for the whole result. It is either complete or fails: when more features match
than ``limits.download_max``, it is refused before anything is sent; where that cannot be counted cheaply, the
transfer breaks off. Nobody takes a part of a land-use map for the whole of it.

A request with ``limit`` asks for a part: as the file itself has no room for it, a Link header with rel ``next``
leads on, by ``offset``. It is left out when the count says that nothing follows; where the number of matches
cannot be counted cheaply it is given with every part that is not empty. OGC-NumberMatched gives the count.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from onemap.block import Call
from onemap.config import Limits
from onemap.errors import InvalidParameter
from onemap.features.encode import Context, Encoding
from onemap.features.encode.context import too_many
from onemap.store import FeatureQuery

_PAGING = {"limit": None, "offset": None, "next": None}
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')


def limits(encoding: Encoding, settings: Limits) -> Limits:
    """Return the limits with page sizes as they hold for a format."""
    if not encoding.download:
        return settings
    return settings.model_copy(update={"page_default": settings.download_max, "page_max": settings.download_max})


def most_counted(encoding: Encoding, settings: Limits) -> int:
    """Return up to how many candidates are counted before the answer."""
    return settings.download_max if encoding.download else settings.count_max


def address(call: Call, encoding: Encoding) -> str:
    """Return the address of the whole result of a request in a download format."""
    return call.links.self(call.query, f=encoding.format.name, **_PAGING)


def headers(call: Call, context: Context, query: FeatureQuery, encoding: Encoding) -> dict[str, str]:
    """Return the headers of a download.

    Raises TooLarge for a whole result that is too large, and InvalidParameter for the paging token of a document.
    """
    if query.after is not None:
        raise InvalidParameter("'next' leads through pages; a download has none.", "Use limit and offset.")
    left = None if context.matched is None else context.matched - query.offset
    if context.whole and left is not None and left > query.limit:
        raise too_many(query.limit, left)
    made = {"Content-Disposition": disposition(context, encoding.extension, call.lang)}
    if context.matched is not None:
        made["OGC-NumberMatched"] = str(context.matched)
    if not context.whole and (left is None or left > query.limit):
        following = call.links.self(call.query, f=encoding.format.name, offset=query.offset + query.limit)
        made["Link"] = f'<{following}>; rel="next"; type="{encoding.format.media_type}"'
    return made


def disposition(context: Context, extension: str, lang: str) -> str:
    """Return Content-Disposition (RFC 6266): a file named after the collection: its id, and its title."""
    plain = context.collection.id.encode("ascii", "replace").decode().replace("?", "_")
    title = _NOT_IN_FILE_NAMES.sub("_", context.collection.title.get(lang)).strip(" .") or context.collection.id
    return f"attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{quote(f'{title}.{extension}', safe='')}"
