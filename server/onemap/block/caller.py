"""Whoever waits for an answer: work on it may look whether somebody still does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar


class Caller:
    """The other end of a request.

    ``beside``: those who wait for the same answer, while one is made for all of them.
    """

    __slots__ = ("_gone", "beside")

    def __init__(self, gone: bool = False) -> None:
        self._gone = gone
        self.beside: Sequence[Caller] = ()

    @property
    def gone(self) -> bool:
        """Whether nobody will read the answer: the connection is closed, and so are those of all beside."""
        return self._gone and all(caller.gone for caller in self.beside)

    @gone.setter
    def gone(self, gone: bool) -> None:
        self._gone = gone


_NOBODY = Caller()
_current: ContextVar[Caller] = ContextVar("onemap_caller", default=_NOBODY)


set_caller: Callable[[Caller], object] = _current.set
"""Make a caller the one of the present task, and of the worker threads that it starts."""

present_caller: Callable[[], Caller] = _current.get
"""Return the caller of the present request; outside of requests one who stays."""


def caller_gone() -> bool:
    """Whether the caller of the present request has left; False outside of requests."""
    return _current.get().gone
