"""Statements that a connection prepares once and runs by name, without a cursor: half the price of a short one."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
from psycopg import abc, generators, pq
from psycopg.adapt import PyFormat, Transformer

_MOST = 100
_VALUE = re.compile(rb"%%|%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Written:
    """A statement as PostgreSQL numbers its values: ``text``, and their ``names`` in that order."""

    text: bytes
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A statement that the server has parsed: its name there, and what reads the columns of its rows."""

    name: bytes
    reader: abc.Transformer


class Prepared:
    """The statements that one connection has prepared, at most a hundred, the oldest given up first.

    A statement is bytes with its values written ``%(name)s``. It is prepared for the types of its values, which follow
    from their sizes: a small number is another type than a large one.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._writer = Transformer(connection)
        self._numbers = count()
        self._written: dict[bytes, Written] = {}
        self._known: dict[tuple[bytes, tuple[int, ...]], Known] = {}

    def rows(self, statement: bytes, values: Mapping[str, Any]) -> abc.PQGen[list[tuple[Any, ...]]]:
        """Yield what is waited for and return the rows. Raises psycopg.Error."""
        written = self._written.get(statement) or self._write(statement)
        given = [values[name] for name in written.names]
        params = self._writer.dump_sequence(given, [PyFormat.AUTO] * len(given))
        types, formats = self._writer.types or (), self._writer.formats
        known = self._known.get((statement, types)) or (yield from self._prepare(statement, written, types))
        pgconn = self._connection.pgconn
        pgconn.send_query_prepared(known.name, params, formats, result_format=pq.Format.BINARY)
        result = self._checked((yield from generators.execute(pgconn)))
        known.reader.set_pgresult(result, set_loaders=False)
        try:
            return known.reader.load_rows(0, result.ntuples, tuple)
        finally:
            known.reader.set_pgresult(None, set_loaders=False)  # it holds on to the answer otherwise

    def _write(self, statement: bytes) -> Written:
        names: dict[str, int] = {}

        def number(found: re.Match[bytes]) -> bytes:
            return b"$%d" % names.setdefault(found[1].decode(), len(names) + 1) if found[1] else b"%"

        text = _VALUE.sub(number, statement)
        if len(self._written) >= _MOST:
            self._written.pop(next(iter(self._written)))
        made = self._written[statement] = Written(text, tuple(names))
        return made

    def _prepare(self, statement: bytes, written: Written, types: Sequence[int]) -> abc.PQGen[Known]:
        pgconn = self._connection.pgconn
        if len(self._known) >= _MOST:
            oldest = self._known.pop(next(iter(self._known)))
            pgconn.send_query(b"DEALLOCATE " + oldest.name)
            yield from self._result()
        name = b"om_%d" % next(self._numbers)
        pgconn.send_prepare(name, written.text, types)
        yield from self._result()
        pgconn.send_describe_prepared(name)
        columns = yield from self._result()
        reader = Transformer(self._connection)
        reader.set_pgresult(columns, format=pq.Format.BINARY)
        known = self._known[statement, tuple(types)] = Known(name, reader)
        return known

    def _result(self) -> Generator[Any, Any, Any]:
        """Return the one result of what was sent. Raises psycopg.Error."""
        return self._checked((yield from generators.execute(self._connection.pgconn)))

    def _checked(self, results: Sequence[Any]) -> Any:
        (result,) = results
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise psycopg.errors.error_from_result(result, self._connection.info.encoding)
        return result
