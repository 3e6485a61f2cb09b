"""Evidence in PostgreSQL, in the schema ``onemap``: the same for all servers of an instance."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg

from onemap.config import PostgisSettings
from onemap.errors import Unavailable
from onemap.processes.evidence.model import Evidence
from onemap.processes.evidence.statements import statement
from onemap.processes.sql import for_postgres
from onemap.security.signing import Jwk
from onemap.store.postgis.connect import connection_options, conninfo
from onemap.store.postgis.making import must_make

_OPTIONS = "-c search_path=onemap -c lock_timeout=10s -c statement_timeout=30s -c client_min_messages=error"
_THERE = "SELECT to_regclass('onemap.evidence_key') IS NOT NULL"


class PostgresEvidence:
    """Evidence in a database; its tables are made with the first. ``most``: bytes of the questions kept, compressed."""

    def __init__(self, database: PostgisSettings, most: int) -> None:
        self._address = conninfo(
            connection_options(database) | {"options": _OPTIONS, "application_name": "onemap evidence"}
        )
        self._most = most

    def add(self, evidence: Evidence, key: Jwk, question: bytes | None) -> Evidence:
        """Keep evidence; see ``EvidenceStore``."""
        with self._connection() as connection, connection.transaction():
            self._make(connection)
            _run(connection, "add_key", {"kid": key["kid"], "jwk": orjson.dumps(dict(key)).decode()})
            values = {"id": evidence.id, "payload": evidence.payload, "kid": evidence.keyid, "sig": evidence.signature}
            added = _run(connection, "add", values).rowcount
            if added and question is not None:
                body = zlib.compress(question)
                _run(connection, "add_question", {"id": evidence.id, "body": body, "size": len(body)})
                _run(connection, "prune", {"most": self._most})
            row = _run(connection, "get", {"id": evidence.id}).fetchone()
        assert row is not None
        return _evidence(row)

    def get(self, identifier: str) -> Evidence | None:
        """Return evidence by id; see ``EvidenceStore``."""
        row = self._one("get", identifier)
        return _evidence(row) if row else None

    def question(self, identifier: str) -> bytes | None:
        """Return what was asked; see ``EvidenceStore``."""
        row = self._one("question", identifier)
        return zlib.decompress(row[0]) if row else None

    def public_keys(self) -> Sequence[Jwk]:
        """Return the public keys; see ``EvidenceStore``."""
        with self._connection() as connection:
            if not _is_there(connection):
                return []
            return [orjson.loads(row[0]) for row in _run(connection, "keys", {})]

    def _one(self, name: str, identifier: str) -> tuple[Any, ...] | None:
        with self._connection() as connection:
            return _run(connection, name, {"id": identifier}).fetchone() if _is_there(connection) else None

    def _make(self, connection: psycopg.Connection[Any]) -> None:
        """Make the tables where there are none."""
        if not _is_there(connection) and must_make(connection, "evidence_key"):
            for table in ("evidence", "question", "key"):
                connection.execute(statement(f"{table}_postgres").encode())

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with psycopg.connect(self._address, autocommit=True) as connection:
                yield connection
        except psycopg.Error as error:
            raise Unavailable("The store of evidence cannot be used at the moment.") from error


def _is_there(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(_THERE).fetchone()
    return bool(row and row[0])


def _run(connection: psycopg.Connection[Any], name: str, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
    """Run a statement of the file with its named values."""
    return connection.execute(for_postgres(statement(name)), values)


def _evidence(row: Sequence[Any]) -> Evidence:
    return Evidence(row[0], bytes(row[1]), row[2], bytes(row[3]))
