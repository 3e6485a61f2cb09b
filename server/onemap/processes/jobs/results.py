"""The results of a job as a folder: a file for each output, and ``results.json`` that says what they are.

The folder is there whole or not at all: it is made under another name, brought to the disk, and renamed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from onemap.errors import TooLarge
from onemap.processes.model import DRAWING, Output

MANIFEST = "results.json"
_PART = ".part"
_MOST_DRAWN = 32 * 2**20


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """An output as it was kept. ``plain``: a JSON value, not bytes as they are. ``by_reference``: as asked for."""

    id: str
    media_type: str
    path: Path
    plain: bool
    size: int
    by_reference: bool = False

    def value(self) -> Any:
        """Return the value as the process gave it."""
        content = self.path.read_bytes()
        return orjson.loads(content) if self.plain else content


@dataclass(frozen=True, slots=True)
class StoredResults:
    """The outputs of a job, in the order asked for, and the form of response (raw or document).

    ``evidence``: id of the evidence of the result. ``drawing``: GeoJSON for the page of the job.
    """

    response: str
    outputs: tuple[StoredOutput, ...]
    evidence: str | None = None
    drawing: Path | None = None


def write_results(
    folder: Path,
    outputs: Sequence[Output],
    response: str,
    values: Mapping[str, Any],
    most: int,
    evidence: str | None = None,
    drawing: bytes | None = None,
) -> None:
    """Write the values of outputs to a folder. Raises TooLarge beyond ``most`` bytes, OSError when the disk is full.

    A drawing for which there is no room, or that no page can show, is left out.
    """
    part = folder.with_name(folder.name + _PART)
    for stale in (part, folder):
        shutil.rmtree(stale, ignore_errors=True)
    part.mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    left = most
    for at, output in enumerate(outputs):
        value = values[output.id]
        content = value if isinstance(value, bytes) else orjson.dumps(value)
        left -= len(content)
        if left < 0:
            raise TooLarge(f"The results have more than {most} bytes.", "Ask for less at a time.")
        _write(part / str(at), content)
        plain = not isinstance(value, bytes)
        entry = {"id": output.id, "mediaType": output.media_type, "file": str(at), "plain": plain}
        entries.append(entry | {"reference": output.by_reference})
    drawn = drawing is not None and len(drawing) <= min(left, _MOST_DRAWN)
    if drawing is not None and drawn:
        _write(part / DRAWING, drawing)
    manifest = {"response": response, "outputs": entries, "evidence": evidence, "drawn": drawn}
    _write(part / MANIFEST, orjson.dumps(manifest))
    _settle(part)
    part.rename(folder)
    _settle(folder.parent)


def read_results(folder: Path) -> StoredResults:
    """Return what ``write_results`` wrote."""
    found = orjson.loads((folder / MANIFEST).read_bytes())
    outputs = []
    for entry in found["outputs"]:
        path = folder / entry["file"]
        size, by_reference = path.stat().st_size, entry["reference"]
        outputs.append(StoredOutput(entry["id"], entry["mediaType"], path, entry["plain"], size, by_reference))
    drawing = folder / DRAWING if found.get("drawn") else None
    return StoredResults(found["response"], tuple(outputs), found.get("evidence"), drawing)


def discard(folder: Path) -> None:
    """Remove what an attempt has made."""
    for place in (folder, folder.with_name(folder.name + _PART)):
        shutil.rmtree(place, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
