"""The scratch folder: a folder of each process for its temporary files, and what killed processes have left there.

A process holds a lock on the file ``lock`` in its folder as long as it lives, however it ends. A folder whose lock can
be had belongs to nobody any more. Locks of the kernel, not process ids, tell the living from the dead: processes of
several containers may share a scratch folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

_PREFIX = "onemap-"
_LOCK = "lock"
_ATTEMPTS = 5


class Scratch:
    """Temporary files of this process below ``base``, the system's folder for them when None."""

    def __init__(self, base: Path | None = None) -> None:
        self._base = base
        self._guard = threading.Lock()
        self._own: Path | None = None

    def folder(self) -> Path:
        """Return the folder of this process; it is made on the first call, and again when somebody removed it."""
        with self._guard:
            if self._own is None or not self._own.is_dir():
                self._own = self._begin()
            return self._own

    def sweep(self) -> int:
        """Remove what processes of this user that live no more have left; return how many folders that were."""
        base = self._base or Path(tempfile.gettempdir())
        found = sorted(base.glob(f"{_PREFIX}*/{_LOCK}")) if base.is_dir() else []
        return sum(_removed(path.parent) for path in found)

    def _begin(self) -> Path:
        if self._base is not None:
            self._base.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._base))
            lock = _locked(folder, os.O_CREAT)
            if lock is not None:
                weakref.finalize(self, _ended, folder, lock)
                return folder
        raise OSError(f"No folder for temporary files can be made in {self._base or tempfile.gettempdir()}.")


def _ended(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _locked(folder: Path, flags: int = 0) -> int | None:
    """Return a descriptor that holds the lock of a folder; None when another process has it or removed it."""
    path = folder / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _removed(folder: Path) -> bool:
    """Remove a folder if it is ours and nobody's any more. It is locked meanwhile."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    if folder.is_symlink() or status.st_uid != os.geteuid():
        return False
    descriptor = _locked(folder)
    if descriptor is None:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    os.close(descriptor)
    return True
