"""GDAL reads what a provider of pygeoapi gives, through our server configured as the manual says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
import yaml

from onemap.plugins.pygeoapi import FeatureProvider
from tests.conftest import ROOT, running
from tests.providers import COUNT, Files, make_files, write_instance

pytestmark = pytest.mark.client


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("villages"))


def manual() -> list[dict[str, Any]]:
    """Return the configurations that the manual shows."""
    text = (ROOT / "docs/en/how-to/pygeoapi.md").read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def test_the_provider_of_the_manual(files: Files) -> None:
    provider = FeatureProvider({**manual()[0]["providers"][0], "data": str(files.gpkg)})
    assert provider.query(resulttype="hits", datetime_="2025-01-01/2025-06-30")["numberMatched"] > 10


def test_gdal_reads_the_store_of_the_manual(files: Files, tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_instance(root, manual()[1]["stores"])
    (root / "data").mkdir()
    shutil.copy(files.csv, root / "data" / "villages.csv")
    with running("--root", str(root), "--zone", "internet") as address:
        everything = read(address)
        box = read(address, bbox=(113.2, 30.2, 113.6, 30.6))
        some = read(address, where="name = '村3'")
    assert len(everything) == COUNT
    inside = shapely.intersects(shapely.box(113.2, 30.2, 113.6, 30.6), everything)
    assert sorted(shapely.to_wkt(box)) == sorted(shapely.to_wkt(everything[inside]))
    assert len(some) == sum(row["properties"]["name"] == "村3" for row in files.rows)


def read(address: str, **options: Any) -> np.ndarray:
    """Return the geometries as GDAL reads them in pages of 100."""
    _, _, wkb, _ = pyogrio.raw.read(f"OAPIF:{address}", layer="villages", PAGE_SIZE="100", CRS="OGC:CRS84", **options)
    return np.asarray(shapely.from_wkb(wkb))
