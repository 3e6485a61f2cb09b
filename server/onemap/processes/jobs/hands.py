"""The hands of the process that computes: it shares out work on very many parcels to them, and does its part."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from functools import partial
from typing import Any

from onemap.block import Principal
from onemap.block.caller import caller_gone
from onemap.errors import ClientGone
from onemap.processes.jobs.hand import Done, Errand
from onemap.processes.layers import Layer
from onemap.processes.spread import Spread, here

WORTH = 4
"""Work in fewer parts is done before a hand has loaded the instance: none is started for it."""
_LOOK_SECONDS = 0.25
_GRACE_SECONDS = 1.0


class Hands:
    """At most ``count`` processes, each started by ``command`` when it is first needed and kept until ``close``.

    ``environment`` is added to that of this process. Who shares work out does what no hand has begun yet, beginning
    with the last part, so that nobody waits for a hand that is being started; and what a hand could not do, because it
    was killed or sees other data.
    """

    def __init__(self, command: Sequence[str], count: int, environment: Mapping[str, str] | None = None) -> None:
        self._command = tuple(command)
        self._environment = {**os.environ, **(environment or {})}
        self._count = count
        self._lock = threading.Lock()
        self._at_work: set[_Hand] = set()
        self._waiting: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()

    def spread(self, principal: Principal) -> Spread:
        """Return what shares out work on layers that this principal sees."""
        return partial(self._spread, principal)

    @property
    def processes(self) -> list[int]:
        """The numbers of the processes."""
        with self._lock:
            return [hand.process.pid for hand in self._at_work]

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            self._count = 0
            for hand in self._at_work:
                self._waiting.put(None)
                hand.end()

    def _spread[P, R](
        self, principal: Principal, work: Callable[[Layer, P], R], layer: Layer, parts: Sequence[P]
    ) -> list[R]:
        """Do work on the parts of a layer, beside the hands. Raises what the work raises, ClientGone."""
        self._engage(len(parts))
        if not self._at_work:
            return here(work, layer, parts)
        version = layer.store.version(layer.collection)
        asked = [_Asked(Errand(work, part, principal, layer.view, version)) for part in parts]
        for one in asked:
            self._waiting.put(one)
        try:
            own = {at: work(layer, parts[at]) for at in reversed(range(len(parts))) if asked[at].done.cancel()}
            theirs = {at: one.wait() for at, one in enumerate(asked) if at not in own}
            own |= {at: work(layer, parts[at]) for at, done in theirs.items() if done.failed}
            return [own[at] if at in own else theirs[at].result for at in range(len(parts))]
        finally:
            _leave(asked)

    def _engage(self, parts: int) -> None:
        """Start hands for so many parts, if that is worth while."""
        if parts < WORTH:
            return
        with self._lock, suppress(OSError):
            for _ in range(min(parts - 1, self._count) - len(self._at_work)):
                hand = _Hand(self._command, self._environment)
                self._at_work.add(hand)
                threading.Thread(target=self._serve, args=(hand,), daemon=True, name="hand").start()

    def _serve(self, hand: _Hand) -> None:
        """Have a hand do errands until it ends."""
        try:
            hand.answer()
            while (asked := self._waiting.get()) is not None:
                asked.have_done(hand)
        except (EOFError, OSError, pickle.UnpicklingError):
            pass
        finally:
            with self._lock:
                self._at_work.discard(hand)
            hand.bury()


def _leave(asked: Sequence[_Asked]) -> None:
    """Have nothing done any more: hands that do not stop soon are ended."""
    late = [one for one in asked if not one.done.done() and not one.done.cancel()]
    for one in late:
        one.tell(_Hand.stop)
    wait([one.done for one in late], _GRACE_SECONDS)
    for one in late:
        one.tell(_Hand.end)


class _Asked:
    """An errand, and what came of it; it can be cancelled until a hand has begun it."""

    def __init__(self, errand: Errand) -> None:
        self.done: Future[Done] = Future()
        self._errand = errand
        self._lock = threading.Lock()
        self._hand: _Hand | None = None

    def have_done(self, hand: _Hand) -> None:
        """Have a hand do it, unless it was cancelled. Raises EOFError, OSError when the hand has ended."""
        if not self.done.set_running_or_notify_cancel():
            return
        done = Done(failed=True)
        try:
            with self._lock:
                hand.say(self._errand)
                self._hand = hand
            done = hand.answer()
        finally:
            with self._lock:
                self._hand = None
            self.done.set_result(done)

    def wait(self) -> Done:
        """Wait for what comes of it. Raises ClientGone when nobody waits for the answer any more."""
        while True:
            with suppress(NotYet):
                return self.done.result(_LOOK_SECONDS)
            if caller_gone():
                raise ClientGone

    def tell(self, step: Callable[[_Hand], None]) -> None:
        """Do something about the hand that does it, if one does."""
        with self._lock, suppress(OSError):
            if self._hand is not None:
                step(self._hand)


class _Hand:
    """A process that does errands, one at a time."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment)
        )

    def say(self, said: Errand | None) -> None:
        """Hand it an errand; None: the present one is wanted no more. Raises OSError when it has ended."""
        assert self.process.stdin is not None
        self.process.stdin.write(pickle.dumps(said, pickle.HIGHEST_PROTOCOL))
        self.process.stdin.flush()

    def stop(self) -> None:
        """Tell it that the present errand is wanted no more. Raises OSError when it has ended."""
        self.say(None)

    def answer(self) -> Done:
        """Wait for what it says. Raises EOFError when it has ended."""
        assert self.process.stdout is not None
        done: Any = pickle.load(self.process.stdout)  # noqa: S301
        assert isinstance(done, Done)
        return done

    def end(self) -> None:
        """End it at once: who waits for its answer is told so."""
        self.process.kill()

    def bury(self) -> None:
        """End it and put away what is left of it."""
        self.end()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
