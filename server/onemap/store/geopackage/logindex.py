"""The header of the index to a write-ahead log, which counts the commits (SQLite, Write-Ahead Log File Format, 2.1).

Whoever closes a file gives up every lock that the process has on it, whatever descriptor it was taken with (POSIX,
fcntl). SQLite keeps its locks on the index (SQLite, How To Corrupt, 2.2): were the index opened, read and closed, two
processes would soon write into the log at the same time. So it is opened once, and closed when it is there no more.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_HEADER = 48
_File = tuple[int, int]
_lock = threading.Lock()
_opened: dict[str, tuple[_File, int]] = {}


def log_header(path: Path) -> str:
    """Return the header of the index to the log of a database, an empty text where there is none."""
    index = f"{path}-shm"
    with _lock:
        try:
            known, file = _opened.get(index), _file(os.stat(index))  # noqa: PTH116
            if known is None or known[0] != file:
                _forget_missing()
                known = _opened[index] = _open(index)
            return os.pread(known[1], _HEADER, 0).hex()
        except OSError:
            if index in _opened:
                _forget_missing()
            return ""


def _open(index: str) -> tuple[_File, int]:
    number = os.open(index, os.O_RDONLY | os.O_CLOEXEC)
    return _file(os.fstat(number)), number


def _forget_missing() -> None:
    """Close what was deleted, or replaced by another file: no lock of SQLite's is on it."""
    for index, (file, number) in list(_opened.items()):
        try:
            same = _file(Path(index).stat()) == file
        except OSError:
            same = False
        if not same:
            os.close(number)
            del _opened[index]


def _file(status: os.stat_result) -> _File:
    return status.st_dev, status.st_ino
