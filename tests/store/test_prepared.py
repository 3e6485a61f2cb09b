"""Statements that a connection prepares once: their values, their limit, and tables that change beneath them."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator

import psycopg
import pytest

from onemap.errors import InvalidParameter, Unavailable
from onemap.store.postgis.sessions import Row, Sessions
from tests.conftest import settings_of

SAME = b"SELECT %(given)s, 7 %% 4"


@pytest.fixture
def sessions(postgis: str) -> Iterator[Sessions]:
    made = Sessions(settings_of(postgis))
    made.row(b"SELECT 1")  # a connection is at hand
    yield made
    made.close()


def soon(sessions: Sessions, *asked: tuple[bytes, dict[str, object]]) -> list[list[Row]]:
    """Return the rows of statements that are asked one after the other on the event loop."""

    async def ask() -> list[list[Row]]:
        return [await sessions.rows_soon(*item) for item in asked]

    return asyncio.run(ask())


def test_values_of_every_size_and_kind(sessions: Sessions) -> None:
    given = [1, 2**20, 2**40, -1, 2.5, "地类", datetime.date(2025, 12, 31), b"\x00", None, [1, 2], 2**70, 3]
    answers = soon(sessions, *((SAME, {"given": value, "not used": 1}) for value in given))
    assert [rows[0][0] for rows in answers] == given
    assert {rows[0][1] for rows in answers} == {3}


def test_rows_are_those_of_a_cursor(sessions: Sessions) -> None:
    statement = (
        b"SELECT n, n::text, ST_Point(n, 1) FROM generate_series(1, %(most)s) n WHERE n > %(least)s OR %(least)s < 0"
    )
    values = {"most": 5000, "least": 3}
    assert soon(sessions, (statement, values))[0] == sessions.rows(statement, values)
    assert soon(sessions, (statement, {"most": 0, "least": 3})) == [[]]


def test_more_statements_than_are_kept(sessions: Sessions) -> None:
    asked = [(b"SELECT %d + %%(given)s" % number, {"given": 1}) for number in range(250)]
    assert [rows[0][0] for rows in soon(sessions, *asked, *asked)] == [*range(1, 251), *range(1, 251)]
    assert int(soon(sessions, (b"SELECT count(*) FROM pg_prepared_statements", {}))[0][0][0]) <= 101


def test_a_value_that_does_not_fit_spoils_nothing(sessions: Sessions) -> None:
    with pytest.raises(InvalidParameter):
        soon(sessions, (b"SELECT %(given)s::text::int", {"given": "x"}))
    with pytest.raises(Unavailable):
        soon(sessions, (b"SELECT nothing FROM nowhere", {}))
    assert soon(sessions, (SAME, {"given": 1})) == [[(1, 3)]]


def test_a_table_that_has_other_columns_now(sessions: Sessions, postgis: str) -> None:
    asked = (b"SELECT * FROM turning", {})
    with psycopg.connect(postgis, autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS turning; CREATE TABLE turning AS SELECT 1 AS a")
        try:
            assert soon(sessions, asked) == [[(1,)]]
            other.execute("ALTER TABLE turning ALTER a TYPE text USING 'one'")
            assert soon(sessions, asked) == [[("one",)]]
        finally:
            other.execute("DROP TABLE turning")


def test_statements_beside_each_other(sessions: Sessions) -> None:
    async def ask() -> list[list[Row]]:
        return await asyncio.gather(*(sessions.rows_soon(SAME, {"given": number}) for number in range(20)))

    assert [rows[0][0] for rows in asyncio.run(ask())] == list(range(20))
