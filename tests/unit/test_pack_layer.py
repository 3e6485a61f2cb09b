"""Layers written from arrays, read by an independent decoder: ids, tags and values of every size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mapbox_vector_tile
import numpy as np

from onemap.tiles.commands import POINT
from onemap.tiles.pack.layer import NONE, Drawn, Group, Shape, Table, layer
from onemap.tiles.varint import field, zigzag

_MOVE_TO = 9


def features(ids: Sequence[int], values: Sequence[Sequence[int]], columns: Sequence[str], count: int) -> list[Any]:
    """Return the features of a tile as points, whose values are the texts "0" to ``count`` - 1 by number."""
    number = np.arange(len(ids))
    words = np.column_stack([np.full(len(ids), _MOVE_TO), zigzag(np.stack([number, number], axis=1)).astype(int)])
    shape = Shape(number, np.full(len(ids), POINT, np.uint8), words, number * 0, np.empty(0, np.uint8))
    numbers = np.array(values, np.int64).reshape(len(ids), len(columns))
    blob = b"".join(field(4, field(1, str(at).encode())) for at in range(count))
    made = Drawn(
        Table(np.array(ids, np.int64), [Group(np.arange(len(columns)), numbers, number)], blob, count), [shape]
    )
    found: list[Any] = mapbox_vector_tile.decode(layer("x", columns, [made]))["x"]["features"]
    return found


def test_ids_of_any_size_are_written_and_none_are_left_out() -> None:
    found = features([2**62, NONE, 5], [[], [], []], [], 0)
    assert [item["id"] for item in found] == [2**62, 0, 5]
    assert [item["properties"] for item in found] == [{}, {}, {}]
    for negative in (-1, -5, -70_000, -(2**40)):
        for other in (1, 70_000, 2**50, negative):
            ids = [item["id"] for item in features([other, negative, other], [[], [], []], [], 0)]
            assert ids == [max(other, 0), 0, max(other, 0)]


def test_columns_without_any_value_are_left_out() -> None:
    found = features([1, 2], [[NONE, NONE, NONE], [NONE, 0, NONE]], ["a", "b", "c"], 1)
    assert [item["properties"] for item in found] == [{}, {"b": "0"}]


def test_values_with_numbers_of_one_to_three_bytes() -> None:
    count = 20_000
    found = features(range(count), [[2 * at, 2 * at + 1] for at in range(count)], ["a", "b"], 2 * count)
    expected = [{"a": str(2 * at), "b": str(2 * at + 1)} for at in range(count)]
    assert [item["properties"] for item in found] == expected


def test_keys_of_two_bytes() -> None:
    columns = [f"c{at}" for at in range(300)]
    own = [at if at % 3 else NONE for at in range(300)]
    found = features([1, 2], [own, [NONE] * 299 + [7]], columns, 300)
    assert found[0]["properties"] == {f"c{at}": str(at) for at in range(300) if at % 3}
    assert found[1]["properties"] == {"c299": "7"}


def test_geometries_begin_where_they_lie() -> None:
    found = features([1, 2, 3], [[0], [0], [0]], ["a"], 1)
    assert [item["geometry"]["coordinates"] for item in found] == [[0, 4096], [1, 4095], [2, 4094]]
