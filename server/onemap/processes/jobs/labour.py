"""The process that computes: it takes one task at a time from its worker, and ends with it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from onemap.block.caller import Caller, set_caller
from onemap.errors import ClientGone, Dismissed
from onemap.processes.jobs.inbox import Inbox, own_output
from onemap.processes.jobs.messages import READY, Progress, Task, said_line, task_of
from onemap.processes.jobs.model import Outcome
from onemap.processes.jobs.runner import Runner

_EVERY = 0.3
_NO_MEMORY = 137


def labour(runner: Runner, before: Callable[[], None]) -> None:
    """Work on the tasks that come on the standard input until it ends; ``before`` each task something is looked after.

    What is printed goes to the standard error: the standard output is for the worker.
    """
    answers = own_output()
    inbox = Inbox[Task]()
    inbox.open(map(task_of, sys.stdin.buffer))
    answers.write(READY)
    while True:
        task, caller = inbox.next()
        before()
        answers.write(said_line(_done(runner, task, caller, answers)))


def _done(runner: Runner, task: Task, caller: Caller, answers: BinaryIO) -> Outcome | None:
    """Work on a task; None when nobody wants it any more."""
    set_caller(caller)
    try:
        return runner.run(task.claim, task.folder, _Teller(caller, answers))
    except (Dismissed, ClientGone):
        return None
    except MemoryError:
        # Nothing can be relied on any more: as if the process had been killed.
        os._exit(_NO_MEMORY)


@dataclass
class _Teller:
    """Tells the worker of the progress, now and then; ends a process whose answer nobody wants."""

    caller: Caller
    answers: BinaryIO
    _next: float = 0.0

    def __call__(self, done: float, message: str) -> None:
        if self.caller.gone:
            raise Dismissed
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self.answers.write(said_line(Progress(min(max(done, 0.0), 1.0), message)))
