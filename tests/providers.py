"""The same features as a GeoPackage, a GeoJSON file and a CSV file, and pygeoapi's own application over them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import yaml

from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

COUNT = 300
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
PROVIDER = "onemap.plugins.pygeoapi.FeatureProvider"
FIELDS = (
    FieldSpec("name", "TEXT"),
    FieldSpec("number", "INTEGER"),
    FieldSpec("size", "REAL"),
    FieldSpec("day", "DATE"),
)


@dataclass(frozen=True)
class Files:
    """``rows``: the features as GeoJSON, ids from 1 in the order of the files."""

    rows: list[dict[str, Any]]
    gpkg: Path
    geojson: Path
    csv: Path


def make_files(folder: Path) -> Files:
    """Write polygons (GeoPackage and GeoJSON) and points (CSV) with the same attributes."""
    rng = np.random.default_rng(5)
    x, y = rng.uniform(113, 114, COUNT).round(6), rng.uniform(30, 31, COUNT).round(6)
    shapes = shapely.buffer(shapely.points(x, y), rng.uniform(0.005, 0.05, COUNT), quad_segs=3)
    numbers = [int(value) for value in rng.permutation(COUNT)]
    columns: dict[str, list[Any]] = {
        "name": [f"村{at % 7}" if at % 11 else "Ost 5" for at in range(COUNT)],
        "number": numbers,
        "size": [value / 4 + 0.125 for value in numbers],
        "day": [f"2025-{1 + at % 12:02}-{1 + at % 28:02}" for at in range(COUNT)],
    }
    gpkg, geojson, table = folder / "villages.gpkg", folder / "villages.geojson", folder / "villages.csv"
    with GeoPackageWriter(gpkg) as writer:
        writer.create_table(TableSpec("villages", "POLYGON", 4326, FIELDS))
        writer.insert("villages", shapes, columns)
        writer.finish("villages", "2026-01-01T00:00:00.000Z")
    rows = [
        {
            "type": "Feature",
            "id": at + 1,
            "geometry": json.loads(shapely.to_geojson(shapes[at])),
            "properties": {name: values[at] for name, values in columns.items()},
        }
        for at in range(COUNT)
    ]
    geojson.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")
    with table.open("w", encoding="utf-8", newline="") as lines:
        writer_ = csv.writer(lines)
        writer_.writerow(["id", "lon", "lat", *columns])
        writer_.writerows([at + 1, x[at], y[at], *(values[at] for values in columns.values())] for at in range(COUNT))
    return Files(rows, gpkg, geojson, table)


def configuration(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a configuration of pygeoapi with a collection for each provider definition."""
    contact = {"name": "n", "url": "http://127.0.0.1/"}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": 5000},
            "url": "http://127.0.0.1:5000",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 1000},
            "map": {"url": "http://127.0.0.1/none", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "t", "description": "d", "keywords": ["k"], "keywords_type": "theme",
                "terms_of_service": "n", "url": "http://127.0.0.1/",
            },
            "license": contact, "provider": contact, "contact": {"name": "n", "email": "n@example.org"},
        },
        "resources": {name: _resource(name, provider) for name, provider in resources.items()},
    }  # fmt: skip


def _resource(name: str, provider: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "collection",
        "title": name,
        "description": name,
        "keywords": ["k"],
        "links": [],
        "extents": {
            "spatial": {"bbox": [112, 29, 115, 32], "crs": CRS84},
            "temporal": {"begin": datetime(2025, 1, 1, tzinfo=UTC), "end": datetime(2026, 1, 1, tzinfo=UTC)},
        },
        "providers": [{"type": "feature", **provider}],
    }


def write_instance(root: Path, stores: dict[str, Any], level: str = "P") -> None:
    """Write an instance in the internet zone with one collection named after each store, table ``villages``."""
    (root / "config").mkdir(parents=True)
    (root / "collections").mkdir()
    base = {"zone": "internet", "stores": stores}
    (root / "config" / "base.yml").write_text(yaml.safe_dump(base, allow_unicode=True), encoding="utf-8")
    for name in stores:
        declared = {"id": name, "title": name, "level": level, "source": {"store": name, "table": "villages"}}
        (root / "collections" / f"{name}.yml").write_text(yaml.safe_dump(declared), encoding="utf-8")
