"""Which tiles a change covers: exactly those whose buffered bounds its boxes meet, and what memory does with it."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from onemap.config import shipped
from onemap.geo.crs import Bounds, crs_from_srid, transform_bounds
from onemap.tiles.cache import Asked, Body, Place, Source
from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.cover import Cover
from onemap.tiles.cache.memory import Memory
from onemap.tiles.matrixset import Level, load_matrix_sets

SETS = load_matrix_sets(shipped("matrixsets"))
MARGIN = 64 / 4096
LOOSE = 0.07


def meets(level: Level, row: int, col: int, box: Bounds, margin: float) -> bool:
    """Whether the bounds of a tile, with a margin in parts of a tile, meet a box."""
    left, bottom, right, top = level.bounds(row, col)
    x, y = margin * level.width, margin * level.height
    return box[0] <= right + x and box[2] >= left - x and box[1] <= top + y and box[3] >= bottom - y


def around(level: Level, box: Bounds) -> list[tuple[int, int]]:
    """Return the tiles at and next to the corners of a box."""
    found = level.limits(box)
    if found is None:
        return []
    near = (-2, -1, 0, 1, 2)
    rows = {at + step for at in (found.min_row, found.max_row) for step in near}
    cols = {at + step for at in (found.min_col, found.max_col) for step in near}
    return [(row, col) for row in rows for col in cols if 0 <= row < level.rows and 0 <= col < level.columns]


@pytest.mark.parametrize("matrix_set", sorted(SETS))
@pytest.mark.parametrize("srid", [4490, 4547, 3857])
def test_covered_are_the_tiles_that_a_box_meets_and_hardly_more(matrix_set: str, srid: int) -> None:
    chance = random.Random(f"{matrix_set}{srid}")
    grid = SETS[matrix_set]
    storage = crs_from_srid(srid)
    for _ in range(40):
        lon, lat, size = chance.uniform(112, 116), chance.uniform(20, 40), 10 ** chance.uniform(-5, -0.5)
        stored = transform_bounds((lon, lat, lon + size, lat + size), crs_from_srid(4490), storage)
        assert stored is not None
        box = transform_bounds(stored, storage, grid.crs)
        assert box is not None
        cover = Cover([stored], srid, SETS)
        slack = max(box[2] - box[0], box[3] - box[1]) * 5e-3
        for level in grid.levels.values():
            for row, col in around(level, box):
                covered = cover.holds(Place(matrix_set, level.id, row, col))
                if meets(level, row, col, box, MARGIN):
                    assert covered
                elif not meets(level, row, col, box, LOOSE + slack / level.width):
                    assert not covered


def test_many_boxes_cover_what_each_covers() -> None:
    chance = random.Random(1)
    boxes: list[Bounds] = []
    for _ in range(2500):
        x, y = chance.uniform(110, 112), chance.uniform(30, 32)
        boxes.append((x, y, x + 0.001, y + 0.001))
    whole = Cover(boxes, 4490, SETS)
    level = SETS["WebMercatorQuad"].levels["12"]
    ranges = whole.ranges("WebMercatorQuad", "12")
    assert ranges is not None
    alone = [Cover([box], 4490, SETS).ranges("WebMercatorQuad", "12") for box in boxes[:200]]
    tiles = {tuple(row) for found in alone if found is not None for row in found.tolist()}
    assert tiles <= {tuple(row) for row in ranges.tolist()}
    assert (ranges >= 0).all()
    assert (ranges[:, :2] < level.rows).all()


def test_nothing_outside_the_grid_and_everything_on_an_unknown_one() -> None:
    far = Cover([(114.0, 30.0, 114.1, 30.1)], 4490, SETS)
    assert not far.holds(Place("WebMercatorQuad", "10", 0, 0))
    assert far.holds(Place("NoSuchGrid", "10", 0, 0))
    assert far.holds(Place("WebMercatorQuad", "99", 0, 0))
    empty = Cover([], 4490, SETS)
    assert not empty.holds(Place("WebMercatorQuad", "0", 0, 0))


LAND, WATER = Source("a", "land", 4490), Source("a", "water", 4490)


async def nothing(finish: Callable[[bytes], Body]) -> Body:
    return finish(b"")


def asked(name: str, sources: tuple[Source, ...], row: int, col: int, level: str = "10") -> Asked:
    return Asked(name, lambda: name.encode(), sources, Place("WorldCRS84Quad", level, row, col), nothing)


def filled(memory: Memory, name: str, sources: tuple[Source, ...], row: int, col: int, level: str = "10") -> None:
    item = asked(name, sources, row, col, level)
    assert memory.end(memory.begin(item), item, Body.of(b"x" * 1000))


def test_memory_drops_what_is_covered_of_the_source_and_nothing_else() -> None:
    counters = Counters()
    memory = Memory(10**7, counters)
    box = (114.0, 30.0, 114.05, 30.05)
    found = SETS["WorldCRS84Quad"].levels["10"].limits(box)
    assert found is not None
    row, col = found.min_row, found.min_col
    filled(memory, "land", (LAND,), row, col)
    filled(memory, "filtered land", (LAND,), row, col)
    filled(memory, "both", (LAND, WATER), row, col)
    filled(memory, "water", (WATER,), row, col)
    filled(memory, "far", (LAND,), row + 5, col)
    filled(memory, "below", (LAND,), 0, 0, "0")
    for at in range(50):
        filled(memory, f"others {at}", (LAND,), row + 10 + at, col)
    size = memory.size
    assert memory.purge(LAND, Cover([box], 4490, SETS)) == 3
    assert [memory.get(name) is None for name in ("land", "filtered land", "both", "water", "far", "below")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    assert memory.size == size - 3 * 2000
    assert memory.drop(LAND) == 52
    assert len(memory) == 1
    assert memory.drop(WATER) == 1
    assert memory.size == 0


def test_memory_spoils_what_is_being_made() -> None:
    memory = Memory(10**7, Counters())
    inside, outside, other = (
        asked("in", (LAND,), 0, 0, "0"),
        asked("out", (LAND,), 0, 1, "0"),
        asked("w", (WATER,), 0, 0),
    )
    fills = [memory.begin(item) for item in (inside, outside, other)]
    memory.purge(LAND, Cover([(-114.0, 30.0, -114.0, 30.0)], 4490, SETS))
    for fill, item in zip(fills, (inside, outside, other), strict=True):
        memory.end(fill, item, Body.of(b"x"))
    assert [memory.get(item.key) is None for item in (inside, outside, other)] == [True, False, False]


def test_least_recently_used_goes_first_and_size_is_bounded() -> None:
    counters = Counters()
    memory = Memory(3 * 2000, counters)
    for name in ["a", "b", "c"]:
        filled(memory, name, (LAND,), 1, 1)
    memory.get("a")
    filled(memory, "d", (LAND,), 1, 1)
    assert [name for name in "abcd" if memory.get(name)] == ["a", "c", "d"]
    assert (memory.size, counters.evicted) == (6000, 1)
    filled(memory, "a", (LAND,), 1, 1)
    assert (len(memory), memory.size) == (3, 6000)
    item = asked("large", (LAND,), 1, 1)
    memory.end(memory.begin(item), item, Body.of(b"x" * 10_000))
    assert memory.get("large") is None
    assert len(memory) == 3


def test_addresses_hold_as_long_as_their_entry_and_era() -> None:
    memory = Memory(10**7, Counters())
    filled(memory, "a", (LAND,), 1, 1)
    entry = memory.get("a")
    assert entry is not None
    memory.remember(b"/a", entry, memory.era)
    assert memory.at(b"/a") is entry
    filled(memory, "a", (LAND,), 1, 1)
    assert memory.at(b"/a") is None
    again = memory.get("a")
    assert again is not None
    era = memory.era
    memory.forget_addresses()
    memory.remember(b"/a", again, era)
    assert memory.at(b"/a") is None
    memory.remember(b"/a", again, memory.era)
    assert memory.at(b"/a") is again
    memory.drop(LAND)
    assert memory.at(b"/a") is None


def test_a_large_block_and_a_small_one_purge_alike() -> None:
    """Whether places are counted through or entries looked at makes no difference."""
    chance = np.random.default_rng(5)
    for _ in range(20):
        box = (110.0, 30.0, 110.0 + float(chance.uniform(0, 3)), 30.0 + float(chance.uniform(0, 3)))
        cover, memory = Cover([box], 4490, SETS), Memory(10**8, Counters())
        found = SETS["WorldCRS84Quad"].levels["10"].limits(box)
        assert found is not None
        places = {
            (int(row), int(col))
            for row, col in zip(
                chance.integers(found.min_row - 4, found.max_row + 4, 60),
                chance.integers(found.min_col - 4, found.max_col + 4, 60),
                strict=True,
            )
        }
        for row, col in places:
            filled(memory, f"{row}/{col}", (LAND,), row, col)
        expected = {at for at in places if not cover.holds(Place("WorldCRS84Quad", "10", *at))}
        assert memory.purge(LAND, cover) == len(places) - len(expected)
        assert {at for at in places if memory.get(f"{at[0]}/{at[1]}")} == expected
