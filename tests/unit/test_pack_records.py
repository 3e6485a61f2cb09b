"""Records of a pack: the columns that recur together are found, and every row keeps its values."""

from __future__ import annotations

import numpy as np
import pytest

from onemap.tiles.pack.records import Ints, Read, Records, records_of


def reads(**columns: Ints) -> dict[str, Read]:
    """Columns in memory."""
    return {name: values.__getitem__ for name, values in columns.items()}


def kept(records: Records, name: str) -> Ints:
    """The values of a column as the rows have them by their records."""
    return records.values[records.numbers][:, records.names.index(name)]


def test_columns_of_neighbours_that_recur_together_are_kept_as_records() -> None:
    count = 100_000
    row = np.arange(count)
    village, use = row // 500, np.random.default_rng(1).integers(0, 8, count)
    columns = {
        "village": village + 1, "village_name": village + 3000, "use": use, "use_name": use * 7,
        "number": row % 500, "constant": np.full(count, 9), "empty": np.zeros(count, np.int64),
    }  # fmt: skip
    records = records_of(reads(**columns), count)
    assert set(records.names) == set(columns) - {"number"}
    assert len(records.values) == 1 + 200 * 8
    for name in records.names:
        assert (kept(records, name) == columns[name]).all()
    assert (records.values[0] == 0).all()
    assert (np.diff(np.unique(records.numbers, return_index=True)[1]) > 0).all(), "numbered along the rows"


@pytest.mark.parametrize("count", [0, 1, 3, 1500])
def test_few_rows(count: int) -> None:
    columns = {"a": np.arange(count) // 2, "b": np.ones(count, np.int64)}
    records = records_of(reads(**columns), count)
    assert len(records.numbers) == count
    for name in records.names:
        assert (kept(records, name) == columns[name]).all()


def test_columns_of_which_every_row_has_another_value_make_no_records() -> None:
    records = records_of(reads(a=np.arange(5000), b=np.arange(5000)[::-1]), 5000)
    assert records.names == ()
    assert records.values.shape == (2, 0)
    assert (records.numbers == 1).all()
    assert records_of({}, 4).names == ()
