"""Fixtures of the stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from onemap.processes.jobs import JobStore
from tests.conftest import Cluster
from tests.jobs import Place


@pytest.fixture(scope="session")
def job_database(cluster: Cluster) -> str:
    """The address of a database for jobs."""
    return cluster.fresh()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place for jobs in each kind of store, with no jobs in it."""
    dsn = None
    if request.param == "postgres":
        dsn = request.getfixturevalue("job_database")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS onemap CASCADE")
    made = Place(tmp_path, dsn, {"lease": 2.0})
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def store(place: Place) -> Iterator[JobStore]:
    """A store of jobs."""
    opened = place.open()
    yield opened
    opened.close()
