"""Whoever waits for an answer: work on it may look whether somebody still does."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Caller:
    """The other end of a request. ``gone``: the connection is closed, nobody will read the answer."""

    gone: bool = False


@dataclass(slots=True)
class Callers:
    """Those who wait for one and the same answer. ``gone``: all of them have left."""

    several: list[Caller | Callers] = field(default_factory=list)

    @property
    def gone(self) -> bool:
        """Whether nobody will read the answer."""
        return all(caller.gone for caller in self.several)


_NOBODY = Caller()
_current: ContextVar[Caller | Callers] = ContextVar("onemap_caller", default=_NOBODY)


def set_caller(caller: Caller | Callers) -> Caller | Callers:
    """Make a caller the one of the present task, and of the worker threads that it starts; return the one before."""
    before = _current.get()
    _current.set(caller)
    return before


def present_caller() -> Caller | Callers:
    """Return the caller of the present request; outside of requests one who stays."""
    return _current.get()


def caller_gone() -> bool:
    """Whether the caller of the present request has left; False outside of requests."""
    return _current.get().gone
