"""A hand: a process that does parts of the work of the process that computes, and ends with it."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedWriter
from typing import Any, BinaryIO

from onemap.block import Principal
from onemap.block.caller import Caller, set_caller
from onemap.errors import ClientGone, NotFound, Unavailable
from onemap.processes.jobs.inbox import Inbox, own_output
from onemap.processes.layers import Layer
from onemap.security import Gate
from onemap.store import View

_log = logging.getLogger("onemap.jobs")


@dataclass(frozen=True, slots=True)
class Errand:
    """A part of the work on a layer. ``view`` and ``version``: what the principal sees where the work is shared out."""

    work: Callable[[Layer, Any], Any]
    part: Any
    principal: Principal
    view: View
    version: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an errand; ``failed``: nothing, whatever the reason."""

    result: Any = None
    failed: bool = False


def hand(load: Callable[[], tuple[Gate, Callable[[], None]]]) -> None:
    """Do the errands that come on the standard input until it ends.

    ``load`` returns the gate, and what looks for stores that were away. Both ways go pickles, which only processes of
    one instance exchange; the first to come out says that it is ready.
    """
    answers = BufferedWriter(own_output())
    inbox = Inbox[Errand]()
    inbox.open(_said(sys.stdin.buffer))
    gate, before = load()
    answers.write(pickle.dumps(Done()))
    answers.flush()
    while True:
        errand, caller = inbox.next()
        answers.write(_answer(gate, before, errand, caller))
        answers.flush()


def _said(pipe: BinaryIO) -> Iterator[Errand | None]:
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            yield pickle.load(pipe)  # noqa: S301


def _answer(gate: Gate, before: Callable[[], None], errand: Errand, caller: Caller) -> bytes:
    set_caller(caller)
    try:
        layer = _layer(gate, before, errand)
        return pickle.dumps(Done(errand.work(layer, errand.part)), pickle.HIGHEST_PROTOCOL)
    except ClientGone:
        return pickle.dumps(Done(failed=True))
    except Exception:
        # Done again where it was shared out: what is wrong is wrong there too, and said as ever.
        _log.debug("a part of the work on %s failed", errand.view.collection.id, exc_info=True)
        return pickle.dumps(Done(failed=True))


def _layer(gate: Gate, before: Callable[[], None], errand: Errand) -> Layer:
    """Return the layer as the principal may see it. Raises Unavailable unless that is what was asked about."""
    name = errand.view.collection.id
    try:
        view = gate.view(errand.principal, name)
    except NotFound:
        before()
        view = gate.view(errand.principal, name)
    store = gate.store(view)
    if view != errand.view or store.version(view.collection) != errand.version:
        raise Unavailable(f"{name} is not the same here.")
    return Layer(view, store)
