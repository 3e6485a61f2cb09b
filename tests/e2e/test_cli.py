"""The command line as a user runs it, in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import shapely
import yaml

from tests.conftest import ROOT, Cluster, running

ONEMAP = str(Path(sys.executable).with_name("onemap"))


def onemap(*arguments: object, code: int = 0) -> str:
    """Run the command and return what it printed; its exit status must be ``code``."""
    done = subprocess.run([ONEMAP, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """An empty instance: configuration without any collection."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "collections").mkdir()
    return tmp_path


def get(address: str) -> dict:
    with urllib.request.urlopen(address, timeout=30) as answer:
        found: dict = json.load(answer)
    return found


def test_help_names_the_commands() -> None:
    text = onemap("--help")
    for command in ("serve", "check", "openapi", "import", "demo"):
        assert command in text
    assert onemap("--version").strip()


def test_check(data: Path) -> None:
    text = onemap("check", "--root", ROOT, "--zone", "internet", "--data", data)
    declared = len(list((ROOT / "collections").glob("*.yml")))
    assert f"zone internet: {declared} collections, 3 visible to everybody" in text


def test_check_names_a_faulty_rule_catalogue(instance: Path, data: Path) -> None:
    path = instance / "processes" / "minerals" / "2027-01-01.yml"
    path.parent.mkdir(parents=True)
    rules = (ROOT / "processes" / "minerals" / "2026-01-01.yml").read_text(encoding="utf-8")
    path.write_text(rules.replace("2026-01-01", "2027-01-01"), encoding="utf-8")
    assert "collections" in onemap("check", "--root", instance, "--data", data)
    path.write_text(rules.replace("2026-01-01", "2027-01-01").replace("[overlay-137]", "[overlay-173]"))
    for command in (("check",), ("serve", "--port", "8729")):
        text = onemap(*command, "--root", instance, "--data", data, code=2)
        assert f"{path}:" in text
        assert "no legal source 'overlay-173'" in text
        assert "Did you mean 'overlay-137'?" in text


def test_check_names_a_faulty_collection_and_the_others_stay(instance: Path, data: Path) -> None:
    shutil.copy(ROOT / "collections" / "xzq.yml", instance / "collections")
    (instance / "collections" / "bad.yml").write_text(
        "id: bad\ntitle: x\nlevel: P\nsource: {store: province, table: dltbb}\n", encoding="utf-8"
    )
    text = onemap("check", "--root", instance, "--data", data, code=1)
    assert "bad.yml" in text
    assert "'dltb'" in text
    assert "1 collections" in text


def test_a_mistyped_key_stops_the_start_with_the_line(instance: Path) -> None:
    (instance / "config" / "base.yml").write_text("zone: business\nservise: {}\n", encoding="utf-8")
    text = onemap("serve", "--root", instance, code=2)
    assert "'service'" in text
    assert "base.yml:2" in text
    assert "Traceback" not in text


def test_openapi_is_what_is_committed(data: Path) -> None:
    document = yaml.safe_load(onemap("openapi", "--root", ROOT, "--data", data))
    assert document == yaml.safe_load((ROOT / "openapi.yml").read_text(encoding="utf-8")), "run `make openapi`"


def test_serve_a_file_without_configuration(data: Path) -> None:
    with running(str(data / "demo" / "province.gpkg")) as address:
        listed = {item["id"] for item in get(f"{address}/collections")["collections"]}
        assert {"dltb", "xzq", "yjjbnttb", "stbhhx"} <= listed
        assert get(f"{address}/collections/dltb/items?limit=1")["numberReturned"] == 1


def test_several_workers_share_their_tokens(data: Path) -> None:
    with running("--root", str(ROOT), "--data", str(data), "--workers", "2") as address:
        page = get(f"{address}/collections/dltb/items?limit=10")
        for _ in range(12):
            following = next(item["href"] for item in page["links"] if item["rel"] == "next")
            page = get(following)
        assert page["features"][0]["id"] == 121


def test_serve_names_what_it_left_out(tmp_path: Path, data: Path) -> None:
    import sqlite3

    path = tmp_path / "p.gpkg"
    path.write_bytes((data / "demo" / "province.gpkg").read_bytes())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES ('notes', 'attributes', 0)"
        )
    process = subprocess.Popen([ONEMAP, "serve", str(path), "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(6)]
    process.terminate()
    process.communicate(timeout=20)
    assert any("notes" in line and "not features" in line for line in lines)


@pytest.mark.parametrize(
    "name", ["approved_projects.shp", "parcels.geojson", "parcels.gpkg", "parcels.fgb", "parcels.parquet"]
)
def test_import(instance: Path, data: Path, tmp_path: Path, name: str) -> None:
    """Every format: features, attributes and places come back through the server as they were."""
    source = make_source(data, tmp_path, name)
    text = onemap("import", source, "--root", instance, "--id", "layer", "--level", "P")
    assert "layer:" in text
    declared = yaml.safe_load((instance / "collections" / "layer.yml").read_text(encoding="utf-8"))
    assert declared["source"] == {"store": "imported", "table": "layer"}
    with running("--root", str(instance)) as address:
        found = get(f"{address}/collections/layer/items?limit=1000")
    assert found["numberMatched"] == len(found["features"]) > 0
    west, south, east, north = shapely.total_bounds(
        [shapely.geometry.shape(item["geometry"]) for item in found["features"]]
    )
    assert 112 < west < east < 116
    assert 29 < south < north < 32
    texts = [value for item in found["features"] for value in item["properties"].values() if isinstance(value, str)]
    assert any("\u4e00" <= char <= "\u9fff" for text in texts for char in text)
    assert not any("\ufffd" in text for text in texts)


def make_source(data: Path, folder: Path, name: str) -> Path:
    """Return a file of that name: the demo's GBK Shapefile, or the same layer in another format."""
    shapefile = next((data / "demo" / "shapefile").glob("*.shp"))
    if name.endswith(".shp"):
        assert b"\xd5" in shapefile.with_suffix(".dbf").read_bytes()  # Chinese in GBK, not in UTF-8
        return shapefile
    import geopandas

    frame = geopandas.read_file(shapefile, encoding="gbk")
    path = folder / name
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_crs(4326).to_file(path) if name.endswith(".geojson") else frame.to_file(path)
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.txt", b"hello", "not a format"),
        ("x.geojson", b"{not json", "cannot be read"),
        ("x.gpkg", b"", "cannot be read"),
        ("x.parquet", b"PAR1", "cannot be read"),
        ("x.zip", b"PK", "cannot be read"),
        ("missing.shp", None, "no file"),
    ],
)
def test_import_of_what_cannot_be_read(
    instance: Path, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    text = onemap("import", path, "--root", instance, code=2)
    assert says in text
    assert "Traceback" not in text
    assert not list((instance / "collections").iterdir())
    assert not (instance / "data").exists()


def test_import_does_not_overwrite(instance: Path, data: Path, tmp_path: Path) -> None:
    source = make_source(data, tmp_path, "x.shp")
    onemap("import", source, "--root", instance, "--id", "layer")
    assert "exists already" in onemap("import", source, "--root", instance, "--id", "layer", code=2)


def test_import_refuses_xian_1980(instance: Path, data: Path, tmp_path: Path) -> None:
    import geopandas

    source = make_source(data, tmp_path, "x.shp")
    wrong = tmp_path / "xian.gpkg"
    geopandas.read_file(source, encoding="gbk").set_crs(2362, allow_override=True).to_file(wrong)
    assert "Xian 1980" in onemap("import", wrong, "--root", instance, code=2)


def test_a_database_from_import_to_service(cluster: Cluster, data: Path) -> None:
    """Copy a file into a database, publish it without configuration, and as the store of the configuration."""
    dsn = cluster.fresh()
    text = onemap("import", data / "demo" / "province.gpkg", "--to", dsn)
    assert "dltb: 5000 features" in text
    assert "has a table" in onemap("import", data / "demo" / "province.gpkg", "--to", dsn, code=2)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE notes (name text, geom geometry(Point, 4490))")
    checked = onemap("check", "--root", ROOT, "--data", data, "--store", f"province={dsn}")
    assert "7 collections" in checked
    with running(dsn, "--workers", "2") as address:
        listed = {item["id"] for item in get(f"{address}/collections")["collections"]}
        assert {"dltb", "xzq"} <= listed
        assert "notes" not in listed
        page = get(f"{address}/collections/dltb/items?limit=10")
        following = next(item["href"] for item in page["links"] if item["rel"] == "next")
        assert get(following)["features"][0]["id"] == 11


def test_a_database_that_is_not_there(data: Path) -> None:
    text = onemap("serve", "postgresql://somebody:hunter2@127.0.0.1:1/none", code=2)
    assert "cannot be reached" in text
    assert "hunter2" not in text + onemap("serve", "postgres:/somebody:hunter2@127.0.0.1/none", code=2)


def test_import_into_a_database_of_the_configuration(instance: Path, data: Path, cluster: Cluster) -> None:
    dsn = cluster.fresh()
    config = instance / "config" / "base.yml"
    config.write_text(f"zone: business\nstores: {{pg: {{type: postgis, dsn: '{dsn}'}}}}\n", encoding="utf-8")
    onemap("import", make_source(data, instance, "x.shp"), "--root", instance, "--id", "layer", "--store", "pg")
    with running("--root", str(instance)) as address:
        found = get(f"{address}/collections/layer/items?limit=1000")
    assert found["numberMatched"] == len(found["features"]) > 0
    config.write_text("zone: business\nstores: {pg: {type: postgis, dns: x}}\n", encoding="utf-8")
    text = onemap("check", "--root", instance, code=2)
    assert "'stores.pg.dns'" in text
    assert "'dsn'" in text
    assert "base.yml:2" in text
