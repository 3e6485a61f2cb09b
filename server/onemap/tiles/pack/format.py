"""The file of a pack: a header in JSON, then arrays, each of which can be mapped into memory by its place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

MAGIC = b"OneMapPk"
FORMAT = 6
_ALIGN = 64
_HEAD = len(MAGIC) + 8

Any_ = NDArray[Any]


class PackWriter:
    """Write a pack beside the place where it belongs, and put it there in one step when all is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self._draft.open("wb")
        self._arrays: dict[str, Any] = {}
        self._file.write(bytes(_HEAD))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def write(self, name: str, array: Any_) -> None:
        """Write an array."""
        self.extend(name, [array], array.dtype, array.shape[1:])

    def extend(self, name: str, parts: Iterable[Any_], dtype: Any, tail: tuple[int, ...] = ()) -> None:
        """Write an array whose parts are made one after the other; ``tail``: its shape beyond the first axis."""
        self._file.write(bytes(-self._file.tell() % _ALIGN))
        offset, count = self._file.tell(), 0
        for part in parts:
            self._file.write(np.ascontiguousarray(part, dtype=dtype).data)
            count += len(part)
        self._arrays[name] = {"at": offset, "type": np.dtype(dtype).str, "shape": [count, *tail]}

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Write the header and take the place of what was there before; a reader of that keeps it."""
        self._file.write(bytes(-self._file.tell() % _ALIGN))
        header = json.dumps({"format": FORMAT, "arrays": self._arrays, "meta": meta}).encode()
        at = self._file.tell()
        self._file.write(header)
        self._file.seek(0)
        self._file.write(MAGIC + at.to_bytes(8, "little"))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self._path)


class PackFile:
    """A pack mapped into memory. Raises ValueError for what is not one, or one of another version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bytes = np.memmap(path, np.uint8, mode="r")
        if len(self._bytes) < _HEAD or self._bytes[: len(MAGIC)].tobytes() != MAGIC:
            raise ValueError(f"{path} is no pack.")
        at = int.from_bytes(self._bytes[len(MAGIC) : _HEAD].tobytes(), "little")
        header = json.loads(self._bytes[at:].tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"{path} was written by another version.")
        self.meta: Mapping[str, Any] = header["meta"]
        self._arrays: Mapping[str, Any] = header["arrays"]

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return len(self._bytes)

    def array(self, name: str) -> Any_:
        """Return an array; nothing of it is read before it is used."""
        found = self._arrays[name]
        dtype, shape = np.dtype(found["type"]), tuple(found["shape"])
        length = int(np.prod(shape)) * dtype.itemsize
        # A plain array over the mapped bytes: each view of a memmap costs microseconds.
        raw = np.asarray(self._bytes)[found["at"] : found["at"] + length]
        return np.asarray(raw.view(dtype).reshape(shape))

    def __contains__(self, name: str) -> bool:
        return name in self._arrays
