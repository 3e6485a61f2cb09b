"""``onemap tiles build`` and ``generalise``, and the process that builds packs beside a server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest
import yaml

from onemap.ingest import copy_geopackage
from onemap.tiles.pack.builder import only_builder
from tests.conftest import ROOT, Cluster, running, settings_of
from tests.packed import SIDE, write
from tests.synthetic import coverage

ONEMAP = str(Path(sys.executable).with_name("onemap"))


def onemap(*arguments: object, code: int = 0) -> str:
    """Run the command and return what it printed; its exit status must be ``code``."""
    done = subprocess.run([ONEMAP, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """An instance with a coverage in a GeoPackage."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    base = {"zone": "business", "stores": {"land": {"path": "land.gpkg"}}, "packs": {"build": "background"}}
    (tmp_path / "config" / "base.yml").write_text(yaml.safe_dump(base), encoding="utf-8")
    (tmp_path / "collections").mkdir()
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "land.gpkg", "cover", "POLYGON", 4547, coverage(800, 11, 4547, SIDE))
    declared = {
        "id": "cover", "title": "Cover", "level": "P", "source": {"store": "land", "table": "cover"},
        "tiles": {"generalise": "coverage", "class": "class"},
    }  # fmt: skip
    (tmp_path / "collections" / "cover.yml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    return tmp_path


def test_packs_are_built_when_they_are_missing(instance: Path) -> None:
    said = onemap("tiles", "build", "--root", instance)
    assert "cover: pack built" in said
    assert "zoom 9" in said
    assert "changed its class" in said
    assert (instance / "data" / "derived" / "cover.pack").is_file()
    assert onemap("tiles", "build", "--root", instance) == ""
    assert "cover: pack built" in onemap("tiles", "build", "cover", "--root", instance)
    assert "There is no collection 'covers'" in onemap("tiles", "build", "covers", "--root", instance, code=2)
    with only_builder(instance / "data" / "derived"):
        assert "Another process" in onemap("tiles", "build", "cover", "--root", instance, code=2)


def test_a_file_keeps_no_generalised_features(instance: Path) -> None:
    assert onemap("tiles", "generalise", "--root", instance) == ""
    assert "Use onemap tiles build" in onemap("tiles", "generalise", "cover", "--root", instance, code=2)


def test_generalised_features_are_made_in_a_database(instance: Path, cluster: Cluster) -> None:
    dsn = cluster.copy(instance / "data" / "land.gpkg")
    said = onemap("tiles", "generalise", "--root", instance, "--store", f"land={dsn}", "--coarsest", "10")
    assert "zoom 12" in said
    assert "zoom 10" in said
    assert "zoom 9" not in said
    assert onemap("tiles", "generalise", "--root", instance, "--store", f"land={dsn}", "--drop") == ""


def test_a_table_with_projected_coordinates_is_prepared(instance: Path, cluster: Cluster) -> None:
    assert "Use onemap tiles build" in onemap("tiles", "prepare", "cover", "--root", instance, code=2)
    dsn = cluster.fresh()
    list(copy_geopackage(instance / "data" / "land.gpkg", settings_of(dsn)))
    prepare = ("tiles", "prepare", "cover", "--root", instance, "--store", f"land={dsn}")
    steps = onemap(*prepare, "--dry-run")
    assert "GENERATED ALWAYS AS (ST_Transform(ST_Force2D(" in steps
    assert onemap(*prepare, "--dry-run") == steps
    with psycopg.connect(dsn) as connection:
        connection.execute(steps.encode())  # what is printed is what is done
        connection.rollback()
    assert onemap(*prepare) == "cover: longitudes and latitudes added\n"
    assert onemap(*prepare) == "cover: longitudes and latitudes there already\n"
    assert onemap(*prepare, "--dry-run") == "-- cover: nothing to do\n"
    with psycopg.connect(dsn) as connection:
        apart = "SELECT max(ST_Distance(onemap_lonlat, ST_Transform(geom, 4490))), count(onemap_lonlat) FROM cover"
        assert connection.execute(apart).fetchone() == (0, 800)
    assert onemap(*prepare, "--undo") == "cover: longitudes and latitudes removed\n"
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("SELECT onemap_lonlat FROM cover")


def test_a_server_has_its_packs_built_beside_it(instance: Path) -> None:
    pack = instance / "data" / "derived" / "cover.pack"
    with running("--root", str(instance)) as address:
        deadline = time.monotonic() + 90
        while not pack.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert pack.exists()
        time.sleep(1.2)  # the server looks for packs once a second
        with urllib.request.urlopen(f"{address}/collections/cover/tiles/WebMercatorQuad?f=json", timeout=30) as answer:
            layer = json.load(answer)["layers"][0]
        said = [item["description"] for item in layer["generalisation"]]
        assert any("merged into a neighbour" in text or "并入相邻面" in text for text in said)


def test_the_builder_ends_with_its_server(instance: Path) -> None:
    program = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-m', 'onemap.cli.background']);"
        " time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "ONEMAP_ROOT": str(instance)})
    lock = instance / "data" / "derived"
    deadline = time.monotonic() + 60
    while not (lock / "cover.pack").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while time.monotonic() < deadline + 60:
        with only_builder(lock) as alone:
            if alone:
                return
        time.sleep(0.5)
    pytest.fail("the builder is still there")
