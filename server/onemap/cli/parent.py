"""The tie of a process that serves another one: it ends with it, however that one ends and however early."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have this process end with the one that started it, which must have made its standard input a pipe.

    To be called before anything that takes a while. Where the system can do so, it kills this process when the thread
    that started it ends; a parent that had ended before that was said has left its pipe hung up.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent_gone():
        os._exit(0)


def parent_gone() -> bool:
    """Return whether nobody holds the other end of the standard input any more, whatever is still in it."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
