"""Work spread over threads gives what it gives in one thread, to the last bit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from onemap.geo import spread as module
from onemap.geo.spread import LEAST, spread

COUNT = 2 * LEAST + 7


def shapes(seed: int) -> NDArray[Any]:
    place = np.arange(COUNT)
    return np.asarray(shapely.buffer(shapely.points(place % 90 + 0.3 * seed, place // 90), 0.7))


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A number of cores, with threads of the test's own."""
    count: int = request.param
    with ThreadPoolExecutor(count) as pool:
        monkeypatch.setattr(module, "_cores", lambda: count)
        monkeypatch.setattr(module, "_threads", lambda: pool)
        yield count


def test_the_result_does_not_depend_on_the_threads(threads: int) -> None:
    one, other = shapes(0), shapes(1)
    found = spread(shapely.intersection, one, other)
    assert shapely.to_wkb(found).tolist() == shapely.to_wkb(shapely.intersection(one, other)).tolist()
    assert spread(shapely.is_valid, one).tolist() == shapely.is_valid(one).tolist()


def test_all_threads_work_and_few_geometries_stay_in_their_own(threads: int) -> None:
    seen: set[int] = set()
    barrier = threading.Barrier(threads)

    def work(values: NDArray[Any]) -> NDArray[Any]:
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            if len(values) < COUNT:
                barrier.wait(30)
        return values * 2

    assert spread(work, np.arange(COUNT)).tolist() == list(range(0, 2 * COUNT, 2))
    assert len(seen) == threads
    seen.clear()
    spread(lambda values: (seen.add(threading.get_ident()), values)[1], np.arange(LEAST - 1))
    assert seen == {threading.get_ident()}


def test_what_the_work_raises_is_raised(threads: int) -> None:
    def work(values: NDArray[Any]) -> NDArray[Any]:
        if COUNT - 1 in values:
            raise shapely.GEOSException("no")
        return values

    with pytest.raises(shapely.GEOSException):
        spread(work, np.arange(COUNT))


def test_nothing_is_nothing() -> None:
    assert len(spread(shapely.is_valid, np.empty(0, dtype=object))) == 0
