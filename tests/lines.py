"""An instance with a layer for every role that a rule catalogue names: known squares, one for each kind of feature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shapely
import yaml
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue, Rule
from onemap.processes.rulebook import RuleBook, RuleLibrary
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
SRID = 4547
X, Y = 500_000.0, 3_400_000.0
STEP, SIDE = 200.0, 100.0
LAND_Y = Y + 10_000.0
KM = 1_000.0
COVERED = shapely.box(X - 20_000, Y - 20_000, X + 20_000, Y + 20_000)
LINES = ("kind", "mineral", "name")
LAND = ("code", "ownership", "place", "grade", "class", "slope", "name")
ROLES = {
    "kind": "type",
    "mineral": "mineral",
    "name": "name",
    "code": "code",
    "ownership": "ownership",
    "place": "location-code",
    "grade": "quality-grade",
    "class": "quality-class",
    "slope": "slope-class",
}
PLACE = "9901010012000000000"
# Surveyed land, a square kilometre each, in a row: class, owner, quality class, slope class.
SURVEY = (
    ("0103", "30", 8, "2"),
    ("0101", "30", 6, "1"),
    ("0301", "30", None, None),
    ("0601", "20", None, None),
    ("0404", "30", None, None),
    ("0103", "30", 8, "2"),  # permanent basic farmland
    ("0103", "30", 10, "5"),  # steep
    ("0101", "30", 5, "1"),  # to replace
    ("0301", "20", None, None),
)
BASIC, STEEP, BETTER = 5, 6, 7
# Planned classes above the same squares.
PLANNED = ("01", "07", "03", "10", "16", "01", "01", "12", "03")


def newest[B: RuleBook](model: type[B], name: str) -> B:
    """Return the newest version of a catalogue that comes with the server."""
    return RuleLibrary().versions(model, name)[-1]


def catalogue(name: str = CONTROL_LINES) -> Catalogue:
    """Return the newest version of a catalogue of lines."""
    return newest(Catalogue, name)


def rules() -> list[Rule]:
    """Return the rules of both catalogues, one for each role."""
    every = [*catalogue().rules, *catalogue(name="minerals").rules]
    return list({rule.role: rule for rule in reversed(every)}.values())


def kinds(role: str) -> list[str | None]:
    """Return the kinds of feature that a layer has: none in particular, and one of each case."""
    own = [rule for name in ("control-lines", "minerals") for rule in catalogue(name=name).rules if rule.role == role]
    return [None, *dict.fromkeys(case.values[0] for rule in own for case in rule.cases)]


def place(role: str, kind: str | None) -> tuple[float, float]:
    """Return the lower left corner of the square of a kind."""
    roles = sorted(rule.role for rule in rules())
    return X + STEP * kinds(role).index(kind), Y + STEP * roles.index(role)


def feature(role: str, kind: str | None) -> shapely.Polygon:
    """Return the square of a kind."""
    x, y = place(role, kind)
    return shapely.box(x, y, x + SIDE, y + SIDE)


def inside(role: str, kind: str | None) -> shapely.Polygon:
    """Return a parcel inside the square of a kind."""
    return feature(role, kind).centroid.buffer(20, cap_style="square")


def nowhere() -> shapely.Polygon:
    """Return a parcel that no feature is near."""
    return shapely.box(X - 5_000, Y - 5_000, X - 4_960, Y - 4_960)


def land(column: int, width: float = KM, height: float = KM) -> shapely.Polygon:
    """Return a part of a square of surveyed land, from its lower left corner."""
    x = X - 4_000 + KM * column
    return shapely.box(x, LAND_Y, x + width, LAND_Y + height)


def parcels(*shapes: shapely.Geometry) -> dict[str, Any]:
    """Return parcels as JSON-FG in EPSG:4547 (northing, easting)."""
    members = [json.loads(shapely.to_geojson(shapely.transform(shape, lambda xy: xy[:, ::-1]))) for shape in shapes]
    features = [
        {"type": "Feature", "id": f"P{at}", "place": member, "geometry": None, "properties": {}}
        for at, member in enumerate(members, start=1)
    ]
    return {"type": "FeatureCollection", "coordRefSys": f"{EPSG}{SRID}", "features": features}


def make(root: Path, without: tuple[str, ...] = (), **processes: Any) -> TestClient:
    """Return a client of a new instance. ``without``: roles for which it has no layer."""
    (root / "data").mkdir(parents=True)
    (root / "collections").mkdir()
    (root / "config").mkdir()
    with GeoPackageWriter(root / "data" / "lines.gpkg") as writer:
        _table(writer, "coverage", ("layer",), [COVERED], {"layer": ["all"]})
        for rule in rules():
            if rule.role != "farmland" and rule.role not in without:
                _lines(root, writer, rule.role)
        for role, write in (
            ("farmland", _farmland),
            ("landuse", _landuse),
            ("plan", _plan),
            ("farmland-reserve", _reserve),
        ):
            if role not in without:
                write(root, writer)
    config = {
        "zone": "business",
        "stores": {"lines": {"type": "geopackage", "path": "lines.gpkg"}},
        "processes": processes,
    }
    (root / "config" / "base.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    instance = load_instance(root, None, root / "data")
    return TestClient(create_app(instance, b"secret"), raise_server_exceptions=False)


def _lines(root: Path, writer: GeoPackageWriter, role: str) -> None:
    shapes = [feature(role, kind) for kind in kinds(role)]
    own = kinds(role)
    columns = {"kind": own, "mineral": ["铜矿"] * len(own), "name": [f"{role} {kind}" for kind in own]}
    _collection(root, role, LINES)
    _table(writer, _named(role), LINES, shapes, columns)


def _landuse(root: Path, writer: GeoPackageWriter) -> None:
    codes, owners, classes, slopes = (list(column) for column in zip(*SURVEY, strict=True))
    columns = {"code": codes, "ownership": owners, "class": classes, "slope": slopes}
    _land(root, writer, "landuse", list(range(len(SURVEY))), columns)


def _farmland(root: Path, writer: GeoPackageWriter) -> None:
    """Basic farmland: below one square of surveyed land, and the square of its rule."""
    _collection(root, "farmland", LAND)
    shapes = [land(BASIC), feature("farmland", None)]
    columns = {"code": ["0103"] * 2, "ownership": ["30"] * 2, "grade": [4, 4], "slope": ["2"] * 2, "name": ["a", "b"]}
    _table(writer, "farmland", LAND, shapes, columns)


def _plan(root: Path, writer: GeoPackageWriter) -> None:
    _land(root, writer, "plan", list(range(len(PLANNED))), {"code": list(PLANNED)})


def _reserve(root: Path, writer: GeoPackageWriter) -> None:
    """The reserve: 40 hectares of paddy, better than what is surveyed."""
    _collection(root, "farmland-reserve", LAND)
    shapes = [land(2, 400, 1_000)]
    columns = {"code": ["0101"], "grade": [3], "class": [5], "slope": ["1"]}
    _table(writer, "farmland_reserve", LAND, shapes, columns)


def _land(root: Path, writer: GeoPackageWriter, role: str, numbers: list[int], columns: dict[str, list[Any]]) -> None:
    _collection(root, role, LAND)
    known = {"place": [PLACE] * len(numbers), "name": [str(number) for number in numbers], **columns}
    _table(writer, _named(role), LAND, [land(number) for number in numbers], known)


def _named(role: str) -> str:
    return role.replace("-", "_")


def _table(
    writer: GeoPackageWriter, name: str, fields: tuple[str, ...], shapes: list[Any], columns: dict[str, list[Any]]
) -> None:
    kinds = {"grade": "INTEGER", "class": "INTEGER"}
    spec = TableSpec(name, "POLYGON", SRID, tuple(FieldSpec(field, kinds.get(field, "TEXT(40)")) for field in fields))
    writer.create_table(spec)
    empty: list[Any] = [None] * len(shapes)
    writer.insert(
        name, shapely.from_wkb(shapely.to_wkb(shapes)), {field: columns.get(field, empty) for field in fields}
    )
    writer.finish(name, "2025-12-31T00:00:00.000Z")


def _collection(root: Path, role: str, fields: tuple[str, ...]) -> None:
    roles = {**ROLES, "kind": "subzone"} if role == "urban-boundary" else ROLES
    declared = {
        "id": _named(role),
        "title": role,
        "source": {"store": "lines", "table": _named(role)},
        "level": "G",
        "role": role,
        "coverage": {"table": "coverage"},
        "fields": {field: {"title": field, "role": roles[field]} for field in fields},
    }
    (root / "collections" / f"{_named(role)}.yml").write_text(yaml.safe_dump(declared), encoding="utf-8")
