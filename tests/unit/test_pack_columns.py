"""Columns of a pack, whichever way they are kept: what is read of a row is what was written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from onemap.catalog import Field
from onemap.tiles.pack import columns as module
from onemap.tiles.pack.attributes import Columns
from onemap.tiles.pack.columns import NUMBERED, PLAIN, RECORDS, ColumnFile, ColumnWriter, Dictionary, written
from onemap.tiles.pack.format import PackFile, PackWriter
from onemap.tiles.pack.layer import NONE, Table
from onemap.tiles.varint import varint

COUNT = 3000
VALUES: dict[str, list[str | None]] = {
    "use": [f"use {row % 7}" for row in range(COUNT)],
    "key": [f"{row:018}" for row in range(COUNT)],
    "village": [None if row // 300 == 4 else f"village {row // 300}" for row in range(COUNT)],
    "number": [f"{row % 300}" for row in range(COUNT)],
    "note": [None if row % 3 else f"note {row}" * (1 + row % 5) for row in range(COUNT)],
    "nothing": [None] * COUNT,
    "other": [f"{row * 7:09}" for row in range(COUNT)],
}


# Rows that are written once more, side by side; two of them are of one feature.
SOME = np.array([3, 4, 4, 299, 300, 1203, 2999])
IDS = np.arange(COUNT) * 3 - 1


@pytest.fixture(scope="module")
def columns(file: PackFile) -> Columns:
    """The columns of all rows."""
    return Columns(file)


@pytest.fixture(scope="module")
def few(file: PackFile) -> Columns:
    """Those of some rows."""
    return Columns(file, "some/")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> PackFile:
    """A pack with columns, the rows in reverse order."""
    folder, dictionary = tmp_path_factory.mktemp("pack"), Dictionary()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_OFTEN", 500)
        patch.setattr(module, "_BLOCK", 700)
        files = {name: ColumnFile(folder / name, Field(name, "string", {"en": name}), dictionary) for name in VALUES}
        for start in range(0, COUNT, 250):
            for name, file in files.items():
                file.append(VALUES[name][start : start + 250])
        return store(folder / "x.pack", files, dictionary)


def store(path: Path, files: dict[str, ColumnFile], dictionary: Dictionary) -> PackFile:
    with PackWriter(path) as writer:
        order = np.arange(COUNT)[::-1]
        columns = ColumnWriter(writer, files, dictionary, order, lambda rows: IDS[rows])
        columns.write(slice(None))
        columns.write(SOME, "some/")
        writer.finish({"columns": columns.kinds})
        kinds = columns.kinds
    assert {name: kinds[name] for name in VALUES} == {
        "use": RECORDS, "key": PLAIN, "village": RECORDS, "number": NUMBERED, "note": PLAIN, "nothing": RECORDS,
        "other": PLAIN,
    }  # fmt: skip
    return PackFile(path)


def expected(names: Sequence[str], row: int) -> dict[int, bytes]:
    """The values of a row by the number of the column, those that there are."""
    found = {
        at: written(VALUES[name][COUNT - 1 - row], Field(name, "string", {"en": name})) for at, name in enumerate(names)
    }
    return {at: value for at, value in found.items() if value}


def told(table: Table, feature: int) -> dict[int, bytes]:
    """The same as a table says it."""
    values, at = [], 0
    while at < len(table.blob):  # each a field of fewer than 128 bytes
        end = at + 2 + table.blob[at + 1]
        values.append(table.blob[at:end])
        at = end
    assert len(values) == table.count
    pairs = [
        (int(key), int(number))
        for group in table.groups
        for key, number in zip(group.keys, group.values[group.rows[feature]], strict=True)
    ]
    assert len({key for key, _ in pairs}) == len(pairs)
    return {key: values[number] for key, number in pairs if number != NONE}


@pytest.mark.parametrize(
    "names", [tuple(VALUES), ("note", "use", "key"), ("other", "note", "key"), ("number",), ("village",), ()]
)
def test_every_value_is_read_as_it_was_written(columns: Columns, names: tuple[str, ...]) -> None:
    reads_as_written(columns, {row: row for row in (0, 5, 6, 7, 8, 1400, 1401, 2900, COUNT - 1)}, names)


@pytest.mark.parametrize("names", [tuple(VALUES), ("note", "use", "key"), ()])
def test_rows_that_have_their_own_arrays_read_the_same(few: Columns, names: tuple[str, ...]) -> None:
    reads_as_written(few, dict(enumerate(SOME.tolist())), names)


def reads_as_written(columns: Columns, rows: Mapping[int, int], names: tuple[str, ...]) -> None:
    """What is read at places is what was written of the rows that stand there."""
    table, reader = columns.table(np.array(list(rows)), names), columns.reader(names)
    assert table.ids.tolist() == [IDS[COUNT - 1 - row] for row in rows.values()]
    for feature, (place, row) in enumerate(rows.items()):
        pairs = [*reader.shared(reader.record(place)), *reader.own(place)]
        assert told(table, feature) == expected(names, row)
        assert dict(pairs) == {varint(key): value for key, value in expected(names, row).items()}
        assert columns.identity(place) == IDS[COUNT - 1 - row]


def test_many_rows_at_once(columns: Columns) -> None:
    rows, names = np.arange(0, COUNT, 2), tuple(VALUES)
    table = columns.table(rows, names)
    for feature in range(0, len(rows), 97):
        assert told(table, feature) == expected(names, int(rows[feature]))
