"""Instances that make tiles of a GeoPackage's tables in each way that there is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import yaml
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance, publish_database, publish_file
from tests.conftest import Cluster

Engine = Literal["geopackage", "postgis", "pack"]
ENGINES: tuple[Engine, ...] = ("geopackage", "postgis", "pack")


def client_of(engine: Engine, file: Path, tables: Iterable[str], cluster: Cluster) -> TestClient:
    """Return a client of an application that makes tiles from the file, a copy of it in PostGIS, or packs."""
    if engine == "geopackage":
        return TestClient(create_app(publish_file(file)))
    if engine == "postgis":
        return TestClient(create_app(publish_database(cluster.copy(file))))
    root = file.parent / "instance"
    write_instance(root, file, tables, {"pack": "always"})
    onemap("tiles", "build", "--root", str(root))
    return TestClient(create_app(load_instance(root, "business")))


def write_instance(root: Path, source: Path | str, tables: Iterable[str], tiles: dict[str, str]) -> None:
    """Write a configuration that publishes tables of a file, or of a database by its address, with these keys."""
    postgis = isinstance(source, str)
    store = {"type": "postgis", "dsn": source} if postgis else {"type": "geopackage", "path": str(source)}
    for folder in ("config", "collections", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    config = {"zone": "business", "stores": {"source": store}}
    (root / "config" / "base.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for table in tables:
        declared = {"id": table, "title": table, "level": "P", "source": {"store": "source", "table": table}}
        text = yaml.safe_dump({**declared, "tiles": tiles}, sort_keys=False)
        (root / "collections" / f"{table}.yml").write_text(text, encoding="utf-8")


def onemap(*arguments: str) -> str:
    """Run a command of the program and return what it prints."""
    command = [str(Path(sys.executable).with_name("onemap")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
