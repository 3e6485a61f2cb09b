"""schemathesis asks a live server for what its OpenAPI document allows, and for what it does not.

No answer is a 5xx, and each has a status, a media type and a body that the document names. Two collections stand for
all: the operations of the others differ in their names and fields alone.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cluster, running

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
OTHERS = r"^/collections/(?!(dltb|approved_projects)(/|$))"
FIXED = ["--seed", "1", "--max-examples", "5", "--no-shrink", "--phases", "coverage,fuzzing", "--warnings", "off"]


@pytest.fixture(scope="module", params=["GeoPackage", "PostGIS"])
def address(request: pytest.FixtureRequest, data: Path) -> Iterator[str]:
    """The address of a live server with the demo in the business zone, from each store."""
    arguments = ["--root", str(ROOT), "--zone", "business", "--data", str(data)]
    if request.param == "PostGIS":
        cluster: Cluster = request.getfixturevalue("cluster")
        arguments += ["--store", f"province={cluster.copy(data / 'demo' / 'province.gpkg')}"]
    with running(*arguments) as found:
        yield found


def test_every_answer_is_documented(address: str, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    with urllib.request.urlopen(f"{address}/api?f=json", timeout=30) as answer:
        document.write_bytes(answer.read())
    command = [str(Path(sys.executable).with_name("st")), "run", str(document), "--url", address, "--checks", CHECKS]
    command += [*FIXED, "--exclude-path-regex", OTHERS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
