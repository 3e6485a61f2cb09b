"""The rule catalogues of a running process: read anew when a file changes, the last good ones while a file is wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock

from onemap.block import Metric
from onemap.errors import ConfigError
from onemap.processes.catalogues import load_rules, stamps_of
from onemap.processes.rulebook import RuleLibrary

_PAUSE_SECONDS = 1.0
_log = logging.getLogger("onemap.rules")


class RuleShelf:
    """The rules of a server or a worker. ``clock``: seconds, by which their files are looked at now and then."""

    def __init__(self, rules: RuleLibrary, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self.fault = ""
        self._stamps = rules.stamps
        self._clock = clock
        self._looked = float("-inf")
        self._looking = Lock()

    def now(self) -> RuleLibrary:
        """Return the rules that hold, after a look at their files if the last one was a second ago.

        Blocks while changed files are read; whoever asks meanwhile gets the rules as they were.
        """
        if self.rules.folders and self._looking.acquire(blocking=False):
            try:
                if self._clock() >= self._looked + _PAUSE_SECONDS:
                    self._look()
                    self._looked = self._clock()
            finally:
                self._looking.release()
        return self.rules

    def metrics(self) -> list[Metric]:
        """Return whether the files are those that are applied."""
        self.now()
        text = "1 while a file of rules is wrong and the rules before its last change are applied."
        return [Metric("onemap_rules_stale", text, int(bool(self.fault)), "gauge", common=True)]

    def _look(self) -> None:
        """Read the rules anew if a file has changed, come or gone since the last look."""
        stamps = stamps_of(self.rules.folders)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self.rules = load_rules(*self.rules.folders)
        except (ConfigError, OSError, ValueError) as error:
            self.fault = f"{error.detail} {error.hint}".strip() if isinstance(error, ConfigError) else str(error)
            _log.warning("The rules stay as they were: %s", self.fault)
            return
        self.fault = ""
        _log.warning("The rules are read anew.")
