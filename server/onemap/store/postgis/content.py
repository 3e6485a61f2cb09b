"""Whether the content of the database has changed, asked at most once a second and never by those who wait."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from onemap.errors import OneMapError
from onemap.store.postgis.discover import read_sql
from onemap.store.postgis.sessions import Sessions

_FRESH_SECONDS = 1.0
# A backend that stays connected may report what it counted up to ten seconds late.
_SETTLED_SECONDS = 12.0
_SECONDS = 5.0
_SNAPSHOT = b"SELECT pg_current_snapshot()::text"


class Content:
    """A token for the content of a database.

    No transaction can write without moving the snapshot, which is cheap to ask for; only when it moved are the
    counters of rows written and of files made anew summed up, whatever tables they belong to, so that views and
    materialised views are covered too. ``logged``: features are changed through this server; then the log of changes
    is looked at as well, which has them at once where the counters may come late. ``prompt``: who asks can wait.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "onemap-content")
        self._asked = 0.0
        self._snapshot = ""
        self._moved = 0.0
        self._token: str | None = None
        self.logged = False
        self.prompt = False

    def token(self) -> str:
        """Return the token as of about a second ago; blocks the first time only."""
        if self._token is None:
            return self.refresh()
        if time.monotonic() - self._asked > _FRESH_SECONDS:
            self._asked = time.monotonic()
            self._worker.submit(self._try)
        return self._token

    def current(self) -> str:
        """Return the token as of now where changes are logged, or it is wanted promptly; else as ``token`` does.

        That costs a round trip.
        """
        return self.refresh() if self.logged or self.prompt else self.token()

    def refresh(self) -> str:
        """Return the token as of now. Raises Unavailable."""
        with self._lock:
            snapshot = str(self._sessions.row(_SNAPSHOT, seconds=_SECONDS)[0])
            now = time.monotonic()
            if snapshot != self._snapshot:
                self._snapshot, self._moved = snapshot, now
            if self._token is None or now - self._moved < _SETTLED_SECONDS:
                line = str(self._sessions.row(read_sql("content"), seconds=_SECONDS)[0])
                if self.logged:
                    line += str(self._sessions.row(read_sql("log"), seconds=_SECONDS)[0])
                self._token = hashlib.sha256(line.encode()).hexdigest()[:16]
            self._asked = now
            return self._token

    def close(self) -> None:
        """Stop asking."""
        self._worker.shutdown(wait=False)

    def _try(self) -> None:
        try:
            self.refresh()
        except OneMapError:
            return  # the last token stands until the database is there again
