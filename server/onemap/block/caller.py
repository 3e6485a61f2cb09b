"""Whoever waits for an answer: work on it may look whether somebody still does."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Caller:
    """The other end of a request. ``gone``: the connection is closed, nobody will read the answer."""

    gone: bool = False


_current: ContextVar[Caller | None] = ContextVar("onemap_caller", default=None)


def set_caller(caller: Caller) -> None:
    """Make a caller the one of the present task, and of the worker threads that it starts."""
    _current.set(caller)


def caller_gone() -> bool:
    """Whether the caller of the present request has left; False outside of requests."""
    caller = _current.get()
    return caller is not None and caller.gone
