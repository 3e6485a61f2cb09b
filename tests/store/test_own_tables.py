"""The tables that the server keeps for itself in a database, made by several processes at once."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg

from onemap.config import JobSettings
from onemap.processes.evidence import Evidence
from onemap.processes.evidence.postgres import PostgresEvidence
from onemap.processes.jobs.postgres import PostgresJobs
from tests.conftest import Cluster, settings_of

ROUNDS = 3
EVIDENCE = Evidence("id", b"{}", "kid", b"signature")
KEY = {"kid": "kid", "kty": "OKP"}
_START: list[Any] = []


def _begin(start: Any) -> None:
    _START.append(start)


def _jobs(dsn: str, folder: Path) -> bool:
    """Make the tables of jobs when all are ready to; a session that looked before need not see them at once."""
    store = PostgresJobs(JobSettings(folder=folder), "internet", settings_of(dsn), folder)
    try:
        assert not store.there()
        _START[0].wait(60)
        store.make()
        return store.there()
    finally:
        store.close()


def _evidence(dsn: str, _: Path) -> bool:
    store = PostgresEvidence(settings_of(dsn), 10_000)
    assert store.get("id") is None
    _START[0].wait(60)
    store.add(EVIDENCE, KEY, b"question")
    return store.get("id") == EVIDENCE


def test_processes_make_them_at_once(cluster: Cluster, tmp_path: Path) -> None:
    makers = [_jobs, _jobs, _evidence, _evidence]
    context = multiprocessing.get_context("spawn")
    barrier: Barrier = context.Barrier(len(makers))
    with ProcessPoolExecutor(len(makers), mp_context=context, initializer=_begin, initargs=(barrier,)) as pool:
        for _ in range(ROUNDS):
            dsn = cluster.fresh()
            done: list[Future[bool]] = [pool.submit(make, dsn, tmp_path) for make in makers]
            assert [item.result(120) for item in done] == [True] * len(makers)
            with psycopg.connect(dsn) as connection:
                row = connection.execute("SELECT count(*) FROM onemap.evidence, onemap.evidence_key").fetchone()
                assert row == (1,)
                assert connection.execute("SELECT count(*) FROM onemap.job").fetchone() == (0,)
