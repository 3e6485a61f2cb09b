"""Regions that an administrative layer draws as several features, as counties with islands and exclaves are."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
import yaml

from onemap.app import load_instance
from onemap.block import Principal
from onemap.processes.ministry.lines import county_shapes
from onemap.processes.model import Context
from onemap.processes.regions import region_names
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

ROWS = (("990101", "甲县", 0), ("990101", "甲县", 2), ("990101", "甲县", 4), ("990102", "乙县", 1))


def square(column: int) -> shapely.Polygon:
    x = 500_000.0 + 2_000.0 * column
    return shapely.box(x, 3_400_000.0, x + 1_000.0, 3_401_000.0)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    for name in ("data", "collections", "config"):
        (tmp_path / name).mkdir()
    shapes = shapely.from_wkb(shapely.to_wkb([square(at) for _, _, at in ROWS]))
    with GeoPackageWriter(tmp_path / "data" / "regions.gpkg") as writer:
        fields = (FieldSpec("code", "TEXT(12)"), FieldSpec("name", "TEXT(40)"))
        writer.create_table(TableSpec("counties", "POLYGON", 4547, fields))
        writer.insert(
            "counties", shapes, {"code": [code for code, _, _ in ROWS], "name": [name for _, name, _ in ROWS]}
        )
        writer.finish("counties", "2025-12-31T00:00:00.000Z")
    declared = {
        "id": "counties",
        "title": "counties",
        "source": {"store": "regions", "table": "counties"},
        "level": "G",
        "role": "admin",
        "fields": {"code": {"title": "code", "role": "code"}, "name": {"title": "name", "role": "name"}},
    }
    config = {"zone": "business", "stores": {"regions": {"type": "geopackage", "path": "regions.gpkg"}}}
    (tmp_path / "collections" / "counties.yml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    (tmp_path / "config" / "base.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    instance = load_instance(tmp_path, None, tmp_path / "data")
    return Context(instance.gate, Principal(), instance.settings)


def test_a_county_is_all_of_its_features(context: Context) -> None:
    found = county_shapes(context, ["990101", "990102"])
    assert {code: shape[0].area for code, (shape, _) in found.items()} == {"990101": 3e6, "990102": 1e6}


def test_every_county_has_its_name_however_many_features_others_have(context: Context) -> None:
    assert region_names(context, ["990101", "990102"]) == {
        "990101": "甲县",
        "990102": "乙县",
    }
