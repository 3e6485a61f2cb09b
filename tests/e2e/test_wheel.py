"""The built package, away from the checkout: it carries the pages, the code lists, the rules and the matrix sets."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, listening

PATHS = (
    "/map",
    "/static/vendor/maplibre-gl/maplibre-gl.js",
    "/styles/default?f=mapbox",
    "/styles/onemap/legend?f=png",
    "/fonts/Noto%20Sans%20SC%20Regular/19968-20223.pbf",
    "/processes/control-line-check?f=json",
    "/collections/dltb/tiles/CGCS2000Quad?f=json",
    "/api?f=json",
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an installation of the wheel makes."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [ROOT / "scripts/uv.sh", "build", "--wheel", "--build-constraints", "requirements/build.lock"]
    subprocess.run([*command, "--out-dir", folder, "."], check=True, cwd=ROOT, capture_output=True, timeout=300)
    wheel = next(folder.glob("onemap-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_serves_a_file(package: Path, data: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(package)}
    where = subprocess.run(
        [sys.executable, "-c", "import onemap; print(onemap.__file__)"],
        env=environment, cwd=package, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(package)
    onemap = [sys.executable, "-c", "from onemap.cli import main; main()"]
    command = [*onemap, "serve", str(data / "demo" / "province.gpkg")]
    with listening(command, package, environment) as address:
        for path in PATHS:
            with urllib.request.urlopen(address + path, timeout=30) as answer:
                assert answer.read(), path
