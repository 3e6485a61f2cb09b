"""Files that must be finished before their first byte can be sent.

They are made in a temporary folder by a thread, while the stream gives empty pieces: so the server sees
that a client has left, and closes the stream, which ends the thread and removes the folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

from onemap.block import Pieces
from onemap.features.encode.context import Context
from onemap.store import Batch

_HEARTBEAT_SECONDS = 1.0
_PIECE = 1 << 18
Check = Callable[[], None]
Make = Callable[[Iterator[Batch], Context, Path, Check], Path]


class Abandoned(Exception):
    """Nobody waits for the file any more."""


class FileStream(Pieces):
    """The pieces of a file that is still to be made; its length is known once it is."""

    def __init__(self, make: Make, batches: Iterator[Batch], context: Context) -> None:
        super().__init__(self._file(make, batches, context))
        self._length: int | None = None

    @property
    def length(self) -> int | None:
        """The size of the file, None as long as it is being made."""
        return self._length

    def _file(self, make: Make, batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="onemap-", dir=context.scratch) as folder:
            path = yield from _until_made(make, batches, context, Path(folder))
            self._length = path.stat().st_size
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece


def file_stream(make: Make, batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Return the pieces of the file that ``make`` writes into a folder, which is removed however the stream ends.

    ``make`` is given a function to call now and then, which raises Abandoned when the stream is closed.
    """
    return FileStream(make, batches, context)


def _until_made(make: Make, batches: Iterator[Batch], context: Context, folder: Path) -> Generator[bytes, None, Path]:
    """Yield empty pieces until the file is made and return its path; what ``make`` raises is raised here."""
    stop = Event()

    def check() -> None:
        if stop.is_set():
            raise Abandoned

    def checked() -> Iterator[Batch]:
        for batch in batches:
            check()
            yield batch

    with ThreadPoolExecutor(1, "onemap-download") as pool:
        task = pool.submit(make, checked(), context, folder, check)
        try:
            while not wait([task], _HEARTBEAT_SECONDS).done:
                yield b""
        finally:
            stop.set()
    return task.result()
