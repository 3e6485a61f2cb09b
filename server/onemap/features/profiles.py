"""The query parameter ``profile`` (OGC API Common Part 3, 23-058r2) and the profiles of GeoJSON (JSON-FG, 21-045r1).

Which profile an answer has is decided after its media type: a profile that the type does not have is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping

from onemap.block import GEOJSON, HTML, Call, Format, Parameter
from onemap.block.links import Link, link
from onemap.block.query import shorten
from onemap.errors import InvalidParameter, did_you_mean
from onemap.features.encode import JSONFG
from onemap.features.encode.jsonfg import PROFILES

_REGISTER = "http://www.opengis.net/def/profile/OGC/0/"
RFC7946 = "rfc7946"
_KNOWN = (RFC7946, *PROFILES)
# The first one is that of an answer for which none is asked.
_OF_TYPES = {GEOJSON.media_type: _KNOWN, JSONFG.media_type: ("jsonfg-plus", "jsonfg")}
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/profile-parameter",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/profiles",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/api",
)
PROFILE = Parameter(
    "profile",
    {"type": "array", "items": {"type": "string", "enum": [*_KNOWN, *(_REGISTER + name for name in _KNOWN)]}},
    "Profile of GeoJSON, by its identifier or URI: `rfc7946` (default of `f=json`), `jsonfg` (`geometry` is null where "
    "`place` has it) or `jsonfg-plus` (both are there; default of `f=jsonfg`). The first that the format has counts.",
)


def chosen(call: Call) -> str:
    """Return the profile of an answer, an empty text where its media type has none. Raises InvalidParameter."""
    offered = _OF_TYPES.get(call.format.media_type, ())
    if PROFILE.name not in call.query:
        return offered[0] if offered else ""
    found = [name for name in _asked(call) if name in offered]
    return next(iter([*found, *offered]), "")


def profile_links(profile: str) -> list[Link]:
    """Return the link of a document to its profile (/req/profile-parameter/profile-param-response).

    The register describes profiles in HTML; a link of features must say its type (17-069r4, /req/core/fc-links).
    """
    return [link(_REGISTER + profile, "profile", HTML.media_type)] if profile else []


def with_profile(headers: Mapping[str, str], profile: str) -> dict[str, str]:
    """Return headers with a Link to the profile, after any other Link (/conf/api/profile-parameter-rfc7946)."""
    if not profile:
        return dict(headers)
    made = f'<{_REGISTER}{profile}>; rel="profile"'
    return {**headers, "Link": ", ".join([*([headers["Link"]] if "Link" in headers else []), made])}


def is_jsonfg(format_: Format, profile: str) -> bool:
    """Whether an answer is JSON-FG: by its media type or by its profile."""
    return format_ is JSONFG or profile in PROFILES


def _asked(call: Call) -> list[str]:
    text = call.one(PROFILE.name)
    names = [] if text is None else [part.strip().removeprefix(_REGISTER) for part in text.split(",")]
    for name in names:
        if name not in _KNOWN:
            raise InvalidParameter(f"'profile' names '{shorten(name)}', which is none.", did_you_mean(name, _KNOWN))
    return names
