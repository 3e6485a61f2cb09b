"""Work on parts of a layer, as the hands of a process can be asked to do it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from onemap.block.caller import caller_gone
from onemap.errors import ClientGone
from onemap.processes.layers import Layer


def whose(layer: Layer, part: object) -> int:
    """Return the process that does a part, after a moment."""
    time.sleep(0.05)
    return os.getpid()


def columns(layer: Layer, part: int) -> tuple[int, list[str], int]:
    """Return the process, the columns that may be seen there, and the part."""
    time.sleep(0.05)
    return os.getpid(), [field.name for field in layer.view.columns], part


def fail_elsewhere(layer: Layer, part: int) -> int:
    """Raise unless the process is the one named."""
    time.sleep(0.02)
    if os.getpid() != part:
        raise ValueError("a hand that cannot")
    return part


def linger(layer: Layer, part: tuple[Path, int, bool]) -> None:
    """Note the process in a folder, then wait for the caller to leave; ``deaf`` hands do not look whether it has."""
    folder, here, deaf = part
    (folder / str(os.getpid())).touch()
    for _ in range(1500):
        time.sleep(0.02)
        if caller_gone() and (os.getpid() == here or not deaf):
            raise ClientGone
