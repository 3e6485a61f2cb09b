"""Answers kept while the content of the database stays the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

_MOST = 4096


class Memory:
    """Answers by question, of one state of the database at a time; the least used are forgotten first."""

    def __init__(self, state: Callable[[], str]) -> None:
        self._state = state
        self._lock = Lock()
        self._answers: OrderedDict[tuple[str, Hashable], Any] = OrderedDict()

    def known(self, question: Hashable) -> Any | None:
        """Return the answer if it is known, else None; does not block."""
        return self._answers.get((self._state(), question))

    def get(self, question: Hashable, answer: Callable[[], Any]) -> Any:
        """Return the answer, worked out where it is not known; what is raised is not kept."""
        key = (self._state(), question)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        found = answer()
        with self._lock:
            self._answers[key] = found
            while len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return found
