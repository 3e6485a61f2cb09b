"""Pieces of huge features in files, so that a process finds what another one, or an earlier one, has cut."""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

MAGIC = b"OneMapP1"
_SUM = 16
_HEAD = len(MAGIC) + _SUM
_LOOK_SHARE = 16
_DRAFT_SECONDS = 3600.0

Geometries = NDArray[Any]


@dataclass(slots=True)
class PieceFiles:
    """A file for each feature, named by the digest of what was cut and how: an edit makes another name.

    ``most_bytes``: of all files; those not used for the longest time go first. ``unused_seconds``: those of features
    that were edited or deleted are asked for no more, and go after that time. Any process may write at any time: files
    appear whole, and one that is damaged is taken for missing. A folder that cannot be written is no fault. What is to
    go is looked for with a process's first file, and whenever it has written a sixteenth of ``most_bytes``.
    """

    folder: Path
    most_bytes: int = 512 * 2**20
    unused_seconds: float = 30 * 86_400.0
    _unseen: float = math.inf

    def get(self, key: str) -> Geometries | None:
        """Return the pieces of a feature as they were put; None where there are none, or the file is damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        head, body = content[:_HEAD], content[_HEAD:]
        if head != MAGIC + _digest(body):
            return None
        with suppress(OSError):
            os.utime(path)
        return _read(body)

    def put(self, key: str, pieces: Geometries) -> None:
        """Keep the pieces of a feature, and drop files that are too old or too many."""
        body = _written(pieces)
        path = self._path(key)
        draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.draft")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(MAGIC + _digest(body) + body)
            draft.replace(path)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        self._unseen += len(body)
        if self._unseen > self.most_bytes / _LOOK_SHARE:
            self._unseen = 0.0
            self._prune()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.pieces"

    def _prune(self) -> None:
        now, total = time.time(), 0
        for used, size, path in sorted(self._files(), reverse=True):
            age = now - used
            total += size
            draft = path.suffix == ".draft"
            if age > (_DRAFT_SECONDS if draft else self.unused_seconds) or (total > self.most_bytes and not draft):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each file was used last, its size and its path."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                with suppress(OSError):  # another process may have removed it
                    stat = path.stat()
                    if path.suffix in (".pieces", ".draft"):
                        yield stat.st_mtime, stat.st_size, path


def _written(pieces: Geometries) -> bytes:
    """Return the number of pieces and the length of each (8 bytes, little-endian), then each as WKB."""
    parts = shapely.to_wkb(pieces).tolist()
    lengths = np.array([len(parts), *map(len, parts)], dtype="<i8")
    return lengths.tobytes() + b"".join(parts)


def _read(body: bytes) -> Geometries:
    count = int.from_bytes(body[:8], "little")
    ends = 8 * (count + 1) + np.cumsum(np.frombuffer(body, "<i8", count, 8))
    starts = [8 * (count + 1), *ends[:-1].tolist()] if count else []
    parts = [body[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
    return np.asarray(shapely.from_wkb(np.array(parts, dtype=object)))


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_SUM).digest()
