"""Run the official OGC suites against live servers, where they are at hand.

CITE_HOME is the folder of the suites; CITE_RUNNER the program that runs one, headless, by default the first of
``$CITE_HOME/run_cite.sh`` and ``../shared/conformance/run_cite.sh`` that is there:
``RUNNER -v features|tiles|processes PROPERTIES OUTDIR``, status 0 without failures and 3 when it lacks the suite.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "cite"
MATRIX_SETS = ("WebMercatorQuad", "WorldCRS84Quad")
NOT_AT_HAND = 3
FAILED = 1
ENVIRONMENT = frozenset({"testJobCreationInputRef"})
"""Tests that want the server to fetch a file from the internet, which this one does for nobody unasked."""


def main() -> int:
    """Run what is at hand; return 1 when a suite failed."""
    runner = find_runner()
    if runner is None:
        print("official OGC suites: not at hand (CITE_HOME, and CITE_RUNNER where it is not found)")
        return 0
    sys.path.insert(0, str(ROOT))
    from tests.conftest import make_province, running

    OUT.mkdir(parents=True, exist_ok=True)
    failed = False
    for over, source in worlds():
        with running(source) as address:
            failed |= suite(runner, "features", over, features(address))
    data = make_province(ROOT / "data" / "test")
    with running("--root", str(ROOT), "--zone", "business", "--data", str(data)) as address:
        for matrix_set in MATRIX_SETS:
            failed |= suite(runner, "tiles", f"province on {matrix_set}", tiles(address, matrix_set))
            failed |= suite(runner, "tiles", f"dataset on {matrix_set}", tiles(address, matrix_set, whole=True))
        failed |= suite(runner, "processes", "province", processes(address))
    return int(failed)


def worlds() -> Iterator[tuple[str, str]]:
    """Give the world-wide file with each CRS list, and a database with the same, each with its name."""
    from tests.conformance.world import write_world
    from tests.conftest import Cluster

    cluster = Cluster(OUT / "postgis")
    try:
        for srid in (4326, 4490):
            world = OUT / f"world-{srid}.gpkg"
            world.unlink(missing_ok=True)
            write_world(world, srid=srid)
            yield f"world in EPSG:{srid}", str(world)
            yield f"world in EPSG:{srid} in PostGIS", cluster.copy(world)
    finally:
        cluster.stop("immediate")
        shutil.rmtree(cluster.folder, ignore_errors=True)


def find_runner() -> Path | None:
    """Return the program that runs a suite, None where the suites are not at hand."""
    home = os.environ.get("CITE_HOME")
    if not home:
        return None
    given = os.environ.get("CITE_RUNNER")
    known = (Path(home) / "run_cite.sh", ROOT.parent / "shared" / "conformance" / "run_cite.sh")
    return Path(given) if given else next((path for path in known if path.is_file()), None)


def suite(runner: Path, name: str, over: str, properties: dict[str, str]) -> bool:
    """Run one suite with its properties file; return whether it failed."""
    out = OUT / f"{name} {over}".replace(" ", "-").replace(":", "")
    out.mkdir(exist_ok=True)
    root = ElementTree.Element("properties", version="1.0")
    for key, value in properties.items():
        ElementTree.SubElement(root, "entry", key=key).text = value
    path = out / "properties.xml"
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)
    print(f"--- official suite {name} over the {over}", flush=True)
    status = subprocess.run(["bash", str(runner), "-v", name, str(path), str(out)], check=False).returncode  # noqa: S603, S607
    if status == FAILED and failures(out) <= ENVIRONMENT:
        print("nothing failed but what needs the internet")
        return False
    return status not in (0, NOT_AT_HAND)


def failures(out: Path) -> set[str]:
    """Return the names of the test methods that failed in the latest run of a suite, configuration included."""
    reports = sorted(out.glob("testng/*/testng-results.xml"), key=lambda path: path.stat().st_mtime)
    methods = ElementTree.parse(reports[-1]).iter("test-method")  # noqa: S314
    return {method.get("name", "") for method in methods if method.get("status") == "FAIL"}


def features(address: str) -> dict[str, str]:
    """Return the properties of the Features suite: every collection."""
    return {"iut": f"{address}/", "noofcollections": "-1"}


def tiles(address: str, matrix_set: str, *, whole: bool = False) -> dict[str, str]:
    """Return the properties of the Tiles suite: one tile in the middle of the land-use collection, or of the dataset.

    The suite knows only the matrix sets of the OGC register.
    """
    collection = next(entry for entry in get(f"{address}/collections")["collections"] if "dltb" in entry["id"].lower())
    tileset = f"{address}/collections/{collection['id']}/tiles/{matrix_set}"
    limits = next(limit for limit in get(tileset)["tileMatrixSetLimits"] if int(limit["tileMatrix"]) == 10)
    row = str((limits["minTileRow"] + limits["maxTileRow"]) // 2)
    column = str((limits["minTileCol"] + limits["maxTileCol"]) // 2)
    tileset = f"{address}/tiles/{matrix_set}" if whole else tileset
    return {
        "iut": f"{address}/",
        "tilematrixsetdefinitionuri": f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{matrix_set}",
        "urltemplatefortiles": tileset + "/{tileMatrix}/{tileRow}/{tileCol}?f=mvt",
        "tilematrix": "10",
        "mintilerow": row,
        "maxtilerow": row,
        "mintilecol": column,
        "maxtilecol": column,
        "noofcollections": "-1",
    }


def processes(address: str) -> dict[str, str]:
    """Return the properties of the Processes suite, over an address where a job has been made."""
    body = json.dumps({"inputs": {"echo": "x"}}).encode()
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    request = urllib.request.Request(f"{address}/processes/echo/execution", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        return {"iut": address, "echoprocessid": "echo", "testallprocesses": "on", "processtestlimit": "20"}


def get(url: str) -> Any:
    """Return the JSON document at an address."""
    with urllib.request.urlopen(url + "?f=json", timeout=30) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
