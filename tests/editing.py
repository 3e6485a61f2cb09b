"""An instance whose collections can be edited, made anew for each test, with its data in either store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
import yaml
from starlette.testclient import TestClient

from onemap.app import Instance, create_app, load_instance
from onemap.config import StoreSettings
from onemap.ingest import copy_geopackage
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster, settings_of

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GK = f"<{EPSG}4547>"
X, Y = 500_000.0, 3_400_000.0  # longitude 114, on the central meridian of EPSG:4547
COUNT = 15
PARCELS = "/collections/parcels/items"
SITES = "/collections/sites/items"
MERGE = {"Content-Type": "application/merge-patch+json"}
_FIELDS = (
    FieldSpec("name", "TEXT(20)"),
    FieldSpec("kind", "TEXT(4)"),
    FieldSpec("floors", "SMALLINT"),
    FieldSpec("serial", "INTEGER"),
    FieldSpec("area", "REAL"),
    FieldSpec("day", "DATE"),
    FieldSpec("seen", "DATETIME"),
    FieldSpec("open", "BOOLEAN"),
    FieldSpec("note", "TEXT(10)"),
)
_SITES = (FieldSpec("code", "TEXT(8)"), FieldSpec("height", "REAL"))


def square(column: int, row: int = 0, side: float = 80.0) -> shapely.Polygon:
    """Return a parcel in x, y of EPSG:4547."""
    return shapely.box(X + 100 * column, Y + 100 * row, X + 100 * column + side, Y + 100 * row + side)


def feature(geometry: shapely.Geometry | None, swapped: bool = True, **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON feature; ``swapped``: with northing, easting."""
    if geometry is not None and swapped:
        geometry = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    shape = None if geometry is None else shapely.geometry.mapping(geometry)
    return {"type": "Feature", "geometry": shape, "properties": properties}


@dataclass
class Editable:
    """An editable instance: its client, the folder it was made from, and where its data is."""

    client: TestClient
    instance: Instance
    root: Path
    path: Path
    dsn: str | None = None

    def again(self, **editing: Any) -> Editable:
        """Return a second server of the same data, with these settings of editing instead."""
        return start(self.root, self.path, self.dsn, **editing)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, from another connection than those of the server."""
        if self.dsn is not None:
            with psycopg.connect(self.dsn) as connection:
                return connection.execute(statement).fetchall()  # type: ignore[call-overload,no-any-return]
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(statement).fetchall()

    def changes(self, columns: str = "operation") -> list[tuple[Any, ...]]:
        """Return the log of changes, oldest first."""
        table = "onemap.change" if self.dsn is not None else "onemap_change"
        return self.rows(f"SELECT {columns} FROM {table} ORDER BY seq")


def make(root: Path, cluster: Cluster | None = None) -> Editable:
    """Return a new instance, in a database where a cluster is given."""
    path = root / "data" / "edit.gpkg"
    path.parent.mkdir(parents=True)
    _write_data(path)
    _write_collections(root / "collections")
    dsn = None
    if cluster is not None:
        dsn = cluster.fresh()
        list(copy_geopackage(path, settings_of(dsn)))
        with psycopg.connect(dsn) as connection:
            connection.execute("ALTER TABLE parcels ALTER name SET NOT NULL, ALTER floors TYPE int2")
    made = start(root, path, dsn)
    for name in ("parcels", "sites"):
        collection = made.instance.registry.get(name)
        assert collection is not None
        made.instance.stores["edit"].enable_editing(collection.table)  # type: ignore[attr-defined]
    return made


def start(root: Path, path: Path, dsn: str | None, **editing: Any) -> Editable:
    """Return a server of data that is there already."""
    config: dict[str, Any] = {"zone": "business", "stores": {"edit": {"type": "geopackage", "path": "edit.gpkg"}}}
    config["editing"] = {"allow": "everybody", **editing}
    (root / "config").mkdir(exist_ok=True)
    (root / "config" / "base.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    stores: dict[str, StoreSettings] | None = {"edit": settings_of(dsn)} if dsn is not None else None
    instance = load_instance(root, None, path.parent, stores)
    assert [left for left in instance.left_out if not left.published] == []
    client = TestClient(create_app(instance, b"secret"), raise_server_exceptions=False)
    return Editable(client, instance, root, path, dsn)


def _write_data(path: Path) -> None:
    numbers = range(COUNT)
    columns = {
        "name": [f"parcel {number}" for number in numbers],
        "kind": ["0101"] * COUNT,
        "floors": list(numbers),
        "serial": [2**62 + number for number in numbers],
        "area": [6400.0] * COUNT,
        "day": ["2025-12-31"] * COUNT,
        "seen": ["2025-12-31T00:00:00.000Z"] * COUNT,
        "open": [True] * COUNT,
        "note": ["hidden"] * COUNT,
    }
    shapes = np.array([shapely.MultiPolygon([square(number)]) for number in numbers], dtype=object)

    outline = np.array([shapely.box(X - 5000, Y - 5000, X + 5000, Y + 5000)], dtype=object)
    points = np.array([shapely.Point(114 + number / 100, 30) for number in range(3)], dtype=object)
    with GeoPackageWriter(path) as writer:
        for spec, geometries, values in (
            (TableSpec("parcels", "MULTIPOLYGON", 4547, _FIELDS), shapes, columns),
            (TableSpec("outline", "POLYGON", 4547, ()), outline, {}),
            (
                TableSpec("sites", "POINT", 4490, _SITES),
                points,
                {"code": ["A1", "A2", "A3"], "height": [1.0, 2.0, 3.0]},
            ),
        ):
            writer.create_table(spec)
            writer.insert(spec.name, geometries, values)
            writer.finish(spec.name, "2026-01-01T00:00:00.000Z")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '\"name\" TEXT(20)', '\"name\" TEXT(20) NOT NULL')"
            " WHERE name = 'parcels'"
        )
        connection.commit()


def _write_collections(folder: Path) -> None:
    fields: dict[str, Any] = {field.name: {} for field in _FIELDS}
    fields |= {"kind": {"codes": "kinds"}, "note": {"level": "C"}}
    common = {"title": "Parcels", "level": "P", "source": {"store": "edit", "table": "parcels"}, "fields": fields}
    declared: dict[str, dict[str, Any]] = {
        "parcels": {**common, "editable": True, "coverage": {"table": "outline"}, "crs": [4490], "datetime": "day"},
        "fixed": common,
        "sites": {
            "title": "Sites", "level": "P", "editable": True, "key": "code",
            "source": {"store": "edit", "table": "sites"},
        },
        "classified": {**common, "level": "C", "editable": True},
    }  # fmt: skip
    (folder / "codes").mkdir(parents=True)
    (folder / "codes" / "kinds.csv").write_text("code,zh,en\n0101,水田,Paddy\n0301,林地,Forest\n", encoding="utf-8")
    for name, more in declared.items():
        text = yaml.safe_dump({"id": name, **more}, allow_unicode=True, sort_keys=False)
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
