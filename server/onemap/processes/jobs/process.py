"""A worker's hold on the process that computes for it."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from onemap.processes.jobs.messages import READY, STOP, Progress, Task, said_of, task_line
from onemap.processes.jobs.model import Outcome

_CHUNK = 1 << 16


class Ended(Exception):
    """The process has ended, whether killed or by itself."""


class Computing:
    """A process that computes. ``command`` calls ``labour``; it inherits nothing of the terminal's signals."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._buffer = b""
        self._used = time.monotonic()
        self.ready = False

    @property
    def id(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def idle(self) -> float:
        """Seconds since it last said or was told something."""
        return time.monotonic() - self._used

    def start(self, task: Task) -> None:
        """Hand it a task. Raises Ended."""
        self._tell(task_line(task))

    def stop(self) -> None:
        """Tell it that the present task is wanted no more. Raises Ended."""
        self._tell(STOP)

    def listen(self, seconds: float) -> tuple[Outcome | Progress | None] | None:
        """Return what it says within a time, in a tuple: None in it for a task that it stopped. Raises Ended."""
        until = time.monotonic() + seconds
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer, self._used = rest, time.monotonic()
                if line + newline == READY:
                    self.ready = True
                    continue
                return (said_of(line),)
            if not select.select([self._out], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            piece = os.read(self._out.fileno(), _CHUNK)
            if not piece:
                raise Ended
            self._buffer += piece

    def kill(self) -> None:
        """End it at once, and with it what it asks of a database."""
        self._process.kill()
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()
        self._process.wait()

    def _tell(self, line: bytes) -> None:
        self._used = time.monotonic()
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._in.fileno(), view) :]
        except OSError:
            raise Ended from None
