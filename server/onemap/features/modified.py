"""When a feature was last changed (OGC API Features Part 4, draft, optimistic locking with timestamps)."""

from __future__ import annotations

from datetime import UTC, datetime

from onemap.block.conditional import http_date
from onemap.store import Modified


def last_modified(known: Modified | None) -> dict[str, str]:
    """Return the header Last-Modified where the log of changes has the last change of a feature.

    It is never later than now: a date in the future is replaced by the present (RFC 9110, 8.8.2.1).
    """
    if known is None or known.date is None:
        return {}
    return {"Last-Modified": http_date(min(known.date, datetime.now(UTC).replace(microsecond=0)))}
