"""What the Prefer header asks of an execution (RFC 7240): asynchronous, or within some seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_SECONDS = 60
"""The longest that an answer is held back for ``wait``."""
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preferences:
    """``asynchronous``: a job is to be made. ``wait``: seconds that the caller waits for the outcome of a job."""

    asynchronous: bool = False
    wait: int | None = None

    @property
    def job(self) -> bool:
        """Whether a job is asked for."""
        return self.asynchronous or self.wait is not None

    def applied(self, finished: bool) -> dict[str, str]:
        """Return the header that says which preference was honoured. ``finished``: within the time to wait."""
        if finished:
            return {"Preference-Applied": f"wait={self.wait}"} if self.wait is not None else {}
        return {"Preference-Applied": "respond-async"} if self.asynchronous else {}


def read_preferences(header: str) -> Preferences:
    """Return the preferences of a Prefer header; what is not known is passed over, the first of two counts."""
    given: dict[str, str] = {}
    for item in header.split(","):
        name, _, value = item.split(";")[0].partition("=")
        given.setdefault(name.strip().lower(), value.strip().strip('"'))
    seconds = given.get("wait", "")
    wait = min(int(seconds), MOST_SECONDS) if _SECONDS.fullmatch(seconds) else None
    return Preferences("respond-async" in given, wait)
