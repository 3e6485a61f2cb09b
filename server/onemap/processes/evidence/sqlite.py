"""Evidence in a SQLite file, for an instance on one machine."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

from onemap.errors import Unavailable
from onemap.processes.evidence.model import Evidence
from onemap.processes.evidence.statements import statement
from onemap.security.signing import Jwk

_BUSY_SECONDS = 10.0


class SqliteEvidence:
    """Evidence in a file, made when it is first written. ``most``: bytes of the questions kept, compressed."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self._most = path, most

    def add(self, evidence: Evidence, key: Jwk, question: bytes | None) -> Evidence:
        """Keep evidence; see ``EvidenceStore``."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            for table in ("evidence", "question", "key"):
                connection.execute(statement(f"{table}_sqlite"))
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement("add_key"), {"kid": key["kid"], "jwk": orjson.dumps(dict(key)).decode()})
            values = {"id": evidence.id, "payload": evidence.payload, "kid": evidence.keyid, "sig": evidence.signature}
            added = connection.execute(statement("add"), values).rowcount
            if added and question is not None:
                body = zlib.compress(question)
                connection.execute(statement("add_question"), {"id": evidence.id, "body": body, "size": len(body)})
                connection.execute(statement("prune"), {"most": self._most})
            connection.commit()
        kept = self.get(evidence.id)
        assert kept is not None
        return kept

    def get(self, identifier: str) -> Evidence | None:
        """Return evidence by id; see ``EvidenceStore``."""
        row = self._one(statement("get"), {"id": identifier})
        return Evidence(row[0], bytes(row[1]), row[2], bytes(row[3])) if row else None

    def question(self, identifier: str) -> bytes | None:
        """Return what was asked; see ``EvidenceStore``."""
        row = self._one(statement("question"), {"id": identifier})
        return zlib.decompress(row[0]) if row else None

    def public_keys(self) -> Sequence[Jwk]:
        """Return the public keys; see ``EvidenceStore``."""
        if not self.path.exists():
            return []
        with self._connection() as connection:
            return [orjson.loads(row[0]) for row in connection.execute(statement("keys"))]

    def _one(self, sql: str, values: dict[str, str]) -> tuple[Any, ...] | None:
        if not self.path.exists():
            return None
        with self._connection() as connection:
            row: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
            return row

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise Unavailable("The store of evidence cannot be used at the moment.") from error
