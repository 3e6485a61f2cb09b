"""Batches: what they say of each parcel is what the server says of it, on one core, on several, and on Spark."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from click.testing import Result
from starlette.testclient import TestClient
from typer.testing import CliRunner

from onemap.app import Instance, load_instance, publish
from onemap.batch import PROCESSES, Order, run_local
from onemap.batch.run import prepare
from onemap.block import Principal
from onemap.cli.commands import application
from onemap.config import load_settings
from onemap.errors import ConfigError, OneMapError
from onemap.geo.crs import crs_from_srid
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from onemap.store.partitions import Export, Folder, export, read_manifest
from tests.conftest import ROOT
from tests.synthetic import blob, corridor

COUNT, SRID = 24, 4490


@pytest.fixture(scope="module")
def parcels(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoPackage of random parcels over the province, strips among them; the last is no valid polygon."""
    path = tmp_path_factory.mktemp("parcels") / "parcels.gpkg"
    west, south, east, north = province(data)
    rng = np.random.default_rng(11)
    shapes = []
    for at in range(COUNT - 1):
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        size = 10.0 ** rng.uniform(-4, -1.6)
        strip = corridor((x, y), (x + size * 3, y + size), size / 40)
        shapes.append(strip if at % 4 == 0 else blob(x, y, size, int(rng.integers(4, 200)), at))
    knot = shapely.Polygon(np.array([(0, 0), (1, 1), (1, 0), (0, 1)]) * 0.01 + [(west + east) / 2, (south + north) / 2])
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("parcels", "POLYGON", SRID, (FieldSpec("code", "TEXT(9)"),)))
        writer.insert("parcels", np.array([*shapes, knot]), {"code": [f"p{at}" for at in range(COUNT)]})
        writer.finish("parcels", "2026-01-01T00:00:00.000Z")
    return path


def province(data: Path) -> tuple[float, float, float, float]:
    view = load_instance(ROOT, "business", data).gate.view(Principal(), "xzq")
    bounds = load_instance(ROOT, "business", data).gate.store(view).extent(view)
    assert bounds is not None
    return bounds


@pytest.fixture(scope="module")
def order(data: Path, parcels: Path, tmp_path_factory: pytest.TempPathFactory) -> Order:
    """An order whose layers lie in many small files."""
    folder = tmp_path_factory.mktemp("batch")
    instance = load_instance(ROOT, "business", data)
    roles = {"admin", *(role for process in PROCESSES.values() for role in process.roles())}
    views = instance.gate.views(Principal())
    layers = [view.collection.id for view in views if view.collection.role in roles]
    for name in layers:
        written(instance, name, folder / name, 300)
    written(publish(str(parcels)), "parcels", folder / "parcels", 5)
    thresholds = load_settings(ROOT / "config", "business").processes.model_dump(mode="json")
    data_folders = tuple(str(folder / name) for name in layers)
    return Order("landuse-breakdown", str(folder / "parcels"), data_folders, "", settings=thresholds, lang="en")


def written(instance: Instance, name: str, folder: Path, rows: int) -> None:
    view = instance.gate.view(Principal(), name)
    export(Export(view, instance.gate.store(view), rows=rows), Folder(str(folder)), said)


def said(done: int, total: int) -> None:
    assert 0 < done <= total


def answers(folder: Path) -> dict[int, dict[str, Any]]:
    paths = sorted((folder / "results").iterdir())
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return {line["parcel"]: line for line in lines}


def asked(client: TestClient, process: str, key: int, shape: shapely.Geometry) -> Any:
    """Put a parcel to the server, as JSON-FG in latitude, longitude."""
    place = shapely.geometry.mapping(shapely.transform(shape, lambda xy: xy[:, ::-1]))
    feature = {"type": "Feature", "id": str(key), "coordRefSys": crs_from_srid(SRID).uri, "geometry": None}
    body = {"inputs": {"parcels": {**feature, "place": place, "properties": {}}}}
    return client.post(f"/processes/{process}/execution?lang=en", json=body)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("process", PROCESSES)
def test_each_parcel_is_answered_as_the_server_does(
    process: str, order: Order, parcels: Path, client: TestClient, tmp_path: Path
) -> None:
    outcome = run_local(replace(order, process=process, out=str(tmp_path)), said, workers=1)
    shapes = geopandas.read_file(parcels).geometry
    found = answers(tmp_path)
    assert outcome.answered == outcome.summary["parcels"] == len(found) == COUNT
    assert len(list((tmp_path / "results").iterdir())) > COUNT / 5
    for key, shape in enumerate(shapes, 1):
        response = asked(client, process, key, shape)
        if response.status_code == 200:
            assert found[key]["result"] == response.json()
        else:
            assert found[key]["error"]["code"] == response.json()["code"] == "OM-4220"
    assert sum("error" in line for line in found.values()) == 1
    assert outcome.summary["counts"]["error"] == {"OM-4220": 1}
    touched = [line["result"] for line in found.values() if "result" in line]
    assert outcome.summary["areas"]["area"] == pytest.approx(
        sum(item["parcels"]["area"] for item in touched), rel=1e-12
    )


def test_processes_of_their_own_write_the_same_bytes(order: Order, tmp_path: Path) -> None:
    run_local(replace(order, out=str(tmp_path / "one")), said, workers=1)
    run_local(replace(order, out=str(tmp_path / "two")), said, workers=2)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_work_that_was_broken_off_goes_on(order: Order, tmp_path: Path) -> None:
    there = replace(order, out=str(tmp_path))
    run_local(there, said, workers=1)
    before = files(tmp_path)
    lost = read_manifest(Folder(order.parcels)).partitions[2]
    (tmp_path / "done" / f"q{lost.key}.json").unlink()
    (tmp_path / "results" / f"q{lost.key}.jsonl").write_text("half of a li")
    assert [item.key for item in prepare(there)] == [lost.key]
    assert run_local(there, said, workers=1).answered == lost.rows
    assert files(tmp_path) == before
    with pytest.raises(ConfigError, match="other data"):
        prepare(replace(there, process="control-line-check"))
    assert len(prepare(replace(there, lang="zh"), restart=True)) == len(read_manifest(Folder(order.parcels)).partitions)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_results_as_tables(form: Any, order: Order, tmp_path: Path) -> None:
    run_local(replace(order, out=str(tmp_path), form=form, process="control-line-check"), said, workers=1)
    paths = sorted((tmp_path / "results").iterdir())
    if form == "csv":
        rows = [row for path in paths for row in csv.DictReader(path.read_text().splitlines())]
    else:
        rows = [row for path in paths for row in geopandas.read_parquet(path).to_dict("records")]
        assert geopandas.read_parquet(paths[0]).crs.to_epsg() == SRID
        answered = [row for row in rows if isinstance(row["result"], str)]
        assert len(answered) == COUNT - 1
        assert all(json.loads(row["result"])["verdict"] == row["verdict"] for row in answered)
    assert {row["parcel"] for row in rows} == {str(at) for at in range(1, COUNT + 1)}
    assert {"verdict", "area", "yjjbnttb_status", "stbhhx_area", "error"} <= rows[0].keys()
    assert sum(row["error"] == "OM-4220" for row in rows) == 1


def test_spark_writes_the_same_bytes(order: Order, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed (extra 'spark')")
    if not shutil.which("java"):
        pytest.skip("there is no Java runtime (openjdk-17-jre-headless)")
    from tests.e2e.spark_batch import write

    write(replace(order, out=str(tmp_path / "spark")))
    run_local(replace(order, out=str(tmp_path / "local")), said, workers=1)
    assert files(tmp_path / "spark") == files(tmp_path / "local")


def test_the_server_imports_neither_spark_nor_batches() -> None:
    code = (
        "import sys, onemap.app, onemap.cli.commands\n"
        "print([name for name in sys.modules if name.startswith(('pyspark', 'py4j', 'onemap.batch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def onemap(*arguments: str) -> Result:
    """Run a command in this process; a known error is its message."""
    return CliRunner().invoke(application, [*arguments, "--root", str(ROOT), "--zone", "business"])


def test_commands(data: Path, parcels: Path, tmp_path: Path) -> None:
    out, given = str(tmp_path / "out"), ("--data", str(data))
    done = onemap("batch", "landuse-breakdown", "--parcels", str(parcels), "--out", out, "--workers", "1", *given)
    assert done.exit_code == 0, done.output
    assert "24 parcels answered now" in done.stdout
    assert "OM-4220 1" in done.stdout
    assert "100%" in done.stderr
    again = onemap("batch", "landuse-breakdown", "--parcels", f"{out}/parcels", "--out", out, *given)
    assert "0 parcels answered now, 24 in all" in again.stdout, again.output
    box = ("--bbox", "-180,-90,180,90", "--filter", "DLBM LIKE '01%'", "--roles-only")
    done = onemap("export", "dltb", str(tmp_path / "farm"), "--partition", "--rows", "500", *box, *given)
    assert done.exit_code == 0, done.output
    manifest = read_manifest(Folder(str(tmp_path / "farm")))
    assert "TBYBH" not in {item.name for item in manifest.declared().fields}
    assert manifest.roles["code"] == "DLBM"
    for arguments, message in (
        (("batch", "landuse", "--parcels", "x", "--out", out), "landuse-breakdown"),
        (("batch", "landuse-breakdown", "--parcels", "dltbb", "--out", out), "dltb"),
        (("export", "dltb", out), "--partition"),
        (("export", "dltb", out, "--partition", "--bbox", "200,0,210,1"), "bbox"),
    ):
        error = onemap(*arguments, *given).exception
        assert isinstance(error, OneMapError)
        assert message in error.detail + error.hint
