"""Parse what headers say of a change: the CRS of the body, the state that is meant, what is to be answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from onemap.block import Call
from onemap.block.conditional import excluded_states, expected_states, parse_http_date
from onemap.block.query import SHARED, refuse_unknown, shorten
from onemap.errors import PreconditionRequired, UnknownCrs, UnsupportedMediaType
from onemap.geo.crs import CRS84, Crs
from onemap.query.crs import parse_crs
from onemap.store import View

FEATURE_TYPES = ("application/geo+json", "application/json")
PATCH_TYPES = ("application/merge-patch+json",)
_PREFERENCE = re.compile(r"(?:^|[,;])\s*return\s*=\s*\"?(representation|minimal)\"?\s*(?=$|[,;])", re.IGNORECASE)


class Condition(TypedDict):
    """The fields of an edit that say which state of its feature is meant."""

    conditional: bool
    expected: frozenset[str] | None
    excluded: frozenset[str] | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What is said of a change beside its body.

    ``body_crs``: of the coordinates sent; ``crs``: of those answered. ``conditional``: If-Match is there; ``expected``:
    the states it names, None for any. ``excluded``: the states that If-None-Match names, None for any. ``since``: the
    date of If-Unmodified-Since, which counts where there is no If-Match. ``preference``: that of ``Prefer: return=``,
    None when there is none.
    """

    body_crs: Crs
    crs: Crs
    conditional: bool
    expected: frozenset[str] | None
    excluded: frozenset[str] | None
    since: datetime | None
    preference: str | None

    @property
    def condition(self) -> Condition:
        """The precondition of an edit."""
        return Condition(conditional=self.conditional, expected=self.expected, excluded=self.excluded, since=self.since)

    @property
    def applied(self) -> dict[str, str]:
        """The header that says which preference was applied."""
        return {"Preference-Applied": f"return={self.preference}"} if self.preference else {}


def parse_edit(call: Call, view: View, types: tuple[str, ...] = ()) -> EditRequest:
    """Return the request. Raises UnsupportedMediaType for a body of none of the ``types``, and UnknownCrs."""
    refuse_unknown(call.query, ["crs", *SHARED])
    if types:
        _check_type(call, types)
    given = call.headers.get("if-match")
    preference = _PREFERENCE.search(call.headers.get("prefer", ""))
    return EditRequest(
        body_crs=_content_crs(call, view),
        crs=parse_crs(call, view, "crs"),
        conditional=given is not None,
        expected=expected_states(given),
        excluded=excluded_states(call.headers.get("if-none-match")),
        since=parse_http_date(call.headers.get("if-unmodified-since")) if given is None else None,
        preference=preference[1].lower() if preference else None,
    )


def require_match(request: EditRequest) -> None:
    """Raise PreconditionRequired for a change that does not say which state of the feature it means."""
    if not request.conditional and request.since is None:
        raise PreconditionRequired(hint="Read the feature and send its ETag back in If-Match.")


def _check_type(call: Call, types: tuple[str, ...]) -> None:
    given = call.headers.get("content-type", "")
    name, *parameters = (part.strip().lower() for part in given.split(";"))
    charsets = [item.removeprefix("charset=").strip('"') for item in parameters if item.startswith("charset=")]
    if name not in types or any(charset not in ("utf-8", "utf8") for charset in charsets):
        said = f"'{shorten(given)}'" if given else "a body without Content-Type"
        raise UnsupportedMediaType(f"{said} is not read here.", f"Send {' or '.join(types)} in UTF-8.")


def _content_crs(call: Call, view: View) -> Crs:
    """Return the system of the body's coordinates (/req/features/content-crs-header, /req/features/default-crs)."""
    given = call.headers.get("content-crs")
    if given is None:
        return CRS84
    uri = given.strip().removeprefix("<").removesuffix(">")
    found = next((crs for crs in view.collection.crs if crs.uri == uri), None)
    if found is None:
        offered = ", ".join(crs.uri for crs in view.collection.crs)
        raise UnknownCrs(
            f"Content-Crs is '{shorten(uri)}', which this collection does not offer.", f"Offered: {offered}."
        )
    return found
