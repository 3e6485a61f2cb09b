"""What the store reads of a file beside SQLite must not take away the locks of SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import shapely

from onemap.store.geopackage import GeoPackageStore
from onemap.store.geopackage.logindex import log_header
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

_WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""


def written(folder: Path) -> Path:
    path = folder / "squares.gpkg"
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("squares", "POLYGON", 4490, (FieldSpec("name", "TEXT"),)))
        writer.insert("squares", np.array([shapely.box(110, 30, 111, 31)]), {"name": ["a"]})
        writer.finish("squares", "2026-01-01T00:00:00Z")
    return path


def test_a_writer_keeps_its_lock_while_the_state_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path)
    store = GeoPackageStore(path, own=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert log_header(path)
        for _ in range(3):
            store.state()
        other = subprocess.run([sys.executable, "-c", _WRITE, str(path)], capture_output=True, text=True, check=True)
        assert other.stdout.strip() == "database is locked"
        connection.execute("ROLLBACK")


def test_the_state_follows_a_log_that_began_anew(tmp_path: Path) -> None:
    path = written(tmp_path)
    store = GeoPackageStore(path, own=True)
    seen = {store.state()}
    for number in range(4):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER)")
            connection.execute("INSERT INTO t VALUES (?)", [number])
            connection.commit()
            seen.add(store.state())
    assert len(seen) == 5
    assert not path.with_name(path.name + "-shm").exists()
