"""What a process at work on something hears and says: tasks on its standard input, answers on its standard output."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO

from onemap.block.caller import Caller


def own_output() -> FileIO:
    """Return the standard output, kept for answers: what is printed goes to the standard error from now on."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


@dataclass
class Inbox[T]:
    """The tasks that came, and whether the present one is wanted no more."""

    _waiting: queue.SimpleQueue[tuple[T, Caller]] = field(default_factory=queue.SimpleQueue)
    _present: Caller = field(default_factory=Caller)

    def open(self, said: Iterator[T | None]) -> None:
        """Take what is said from now on: a task, or None when the present one is wanted no more.

        When it ends, so does this process, whatever it is doing.
        """
        threading.Thread(target=self._read, args=(said,), daemon=True).start()

    def next(self) -> tuple[T, Caller]:
        """Wait for the next task; its caller is gone when it is wanted no more."""
        return self._waiting.get()

    def _read(self, said: Iterator[T | None]) -> None:
        with suppress(OSError, ValueError):
            for task in said:
                if task is None:
                    self._present.gone = True
                else:
                    self._present = Caller()
                    self._waiting.put((task, self._present))
        os._exit(0)
