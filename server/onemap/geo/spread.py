"""Work of GEOS on many geometries, on all cores: shapely lets go of the interpreter's lock while it calls GEOS."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 2_000
"""Fewer geometries than this are done at once in the thread that asks: a request for a plot waits for nobody."""
_CHUNK = 500
"""Geometries in a piece of work: some milliseconds, so that requests which use the threads take turns."""


def spread(work: Callable[..., NDArray[Any]], *arrays: NDArray[Any]) -> NDArray[Any]:
    """Return ``work(*arrays)``, done in chunks by the threads of this process.

    ``work`` gives for each place what depends on that place of the arrays (all of one length) alone, so the result is
    the same whatever the threads. The geometries must not be prepared. Raises what ``work`` raises.
    """
    count = len(arrays[0])
    if count < LEAST or _cores() == 1:
        return work(*arrays)
    starts = range(0, count, _CHUNK)
    tasks = [_threads().submit(work, *(array[start : start + _CHUNK] for array in arrays)) for start in starts]
    try:
        return np.concatenate([task.result() for task in tasks])
    finally:
        for task in tasks:
            task.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), thread_name_prefix="geometry")
