"""Land-use accounts of a thousand parcels against a plain loop with its own areas, in both stores."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyogrio
import pyproj
import pytest
import shapely

from onemap.app import load_instance
from onemap.block import Principal
from onemap.catalog import load_codes
from onemap.config import StoreSettings, shipped
from onemap.geo.area import measure_for
from onemap.geo.crs import crs_from_srid
from onemap.processes.accounts.breakdown import Breakdown, breakdown, one_layer
from onemap.processes.farmland import FarmlandChange
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.layers import layers_for
from onemap.processes.model import Context
from onemap.processes.parcels import Parcel, ParcelDocument, ParcelSet
from onemap.processes.project import Project
from tests.conftest import ROOT, Cluster, settings_of

COUNT = 1000
STATE = ("10", "20", "21")
COLUMNS = ["BSM", "DLBM", "QSXZ", "ZLDWDM", "KCDLBM", "KCXS", "KCMJ", "TBDLMJ", "ZZSXDM"]


@pytest.fixture(scope="module", params=["geopackage", "postgis"])
def context(request: pytest.FixtureRequest, data: Path) -> Context:
    return context_of(data, None if request.param == "geopackage" else request.getfixturevalue("cluster"))


def context_of(data: Path, cluster: Cluster | None) -> Context:
    stores: dict[str, StoreSettings] | None = None
    if cluster:
        stores = {"province": settings_of(cluster.copy(data / "demo" / "province.gpkg"))}
    instance = load_instance(ROOT, "business", data, stores)
    return Context(instance.gate, Principal(), instance.settings, load_codes(shipped("codes")))


class Truth:
    """A table read without the server."""

    def __init__(self, data: Path, table: str) -> None:
        _, _, wkb, columns = pyogrio.raw.read(data / "demo" / "province.gpkg", layer=table, columns=COLUMNS)
        self.shapes = shapely.from_wkb(wkb)
        self.rows = dict(zip(COLUMNS, columns, strict=True))
        self.boxes = shapely.bounds(self.shapes)

    def near(self, parcel: shapely.Geometry) -> Iterator[int]:
        west, south, east, north = parcel.bounds
        boxes = self.boxes
        met = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        yield from np.flatnonzero(met).tolist()


@pytest.fixture(scope="module")
def truth(data: Path) -> Truth:
    return Truth(data, "dltb")


@cache
def projection() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4526, 4490, always_xy=True)


def own_area(shape: shapely.Geometry) -> float:
    """Area on the ellipsoid through the authalic function, edges of the plane cut every 10 m."""
    a, f = 6378137.0, 1 / 298.257222101
    e = math.sqrt(f * (2 - f))
    rings, ring_of = shapely.get_rings(shapely.get_parts(shapely.segmentize(shape, 10)), return_index=True)
    total = 0.0
    for at, ring in enumerate(rings):
        xy = shapely.get_coordinates(ring)
        lon, lat = projection().transform(xy[:, 0], xy[:, 1])
        sine = np.sin(np.radians(np.array([lat[:-1], (lat[1:] + lat[:-1]) / 2, lat[1:]])))
        q = (1 - e**2) * (sine / (1 - (e * sine) ** 2) - np.log((1 - e * sine) / (1 + e * sine)) / (2 * e))
        mean = (q[0] + 4 * q[1] + q[2]) / 6 - q[0, 0]
        area = abs(a**2 / 2 * float(np.sum(mean * np.radians(np.diff(lon)))))
        total += area if at == 0 or ring_of[at] != ring_of[at - 1] else -area
    return total


def parcels(truth: Truth, count: int) -> list[shapely.Polygon]:
    """Irregular parcels inside the province, and every tenth a land-use parcel as it is."""
    chance = np.random.default_rng(11)
    union = shapely.union_all(truth.shapes)
    shapely.prepare(union)
    west, south, east, north = union.bounds
    made: list[shapely.Polygon] = [
        truth.shapes[at] for at in range(0, len(truth.shapes), 10 * len(truth.shapes) // count)
    ]
    while len(made) < count:
        angles = np.sort(chance.uniform(0, 2 * np.pi, 9))
        reach = chance.uniform(20, 250, 9)
        x, y = chance.uniform((west, south), (east, north))
        parcel = shapely.Polygon(np.column_stack([x + reach * np.cos(angles), y + reach * np.sin(angles)]))
        if parcel.is_valid and union.contains(parcel):
            made.append(parcel)
    return made


def project(parcel: shapely.Geometry) -> Project:
    crs = crs_from_srid(4526)
    return Project(ParcelSet((Parcel(0, None, None, parcel),), crs, crs, (0.0,), 0.0))


def book_of(context: Context, parcel: shapely.Geometry) -> Breakdown:
    return breakdown(context, one_layer(layers_for(context, ["landuse"], None)), project(parcel))


def expected(truth: Truth, parcel: shapely.Geometry) -> dict[tuple[str, str], float]:
    rows, sums = truth.rows, defaultdict(list)
    shapely.prepare(parcel)
    for at in truth.near(parcel):
        shape = truth.shapes[at]
        if not parcel.intersects(shape):
            continue
        area = own_area(parcel.intersection(shape))
        whole = parcel.covers(shape)
        share = rows["KCMJ"][at] / (rows["KCMJ"][at] + rows["TBDLMJ"][at]) if whole else rows["KCXS"][at]
        owner = "state" if rows["QSXZ"][at] in STATE else "collective"
        sums[rows["DLBM"][at], owner].append(area * (1 - share))
        if share:
            sums[rows["KCDLBM"][at], owner].append(area * share)
    return {key: math.fsum(areas) for key, areas in sums.items()}


@pytest.fixture(scope="module")
def thousand(truth: Truth) -> list[tuple[shapely.Polygon, dict[tuple[str, str], float]]]:
    """Parcels and what a plain loop says of them."""
    return [(parcel, expected(truth, parcel)) for parcel in parcels(truth, COUNT)]


def test_a_thousand_parcels_equal_a_plain_loop(context: Context, thousand: Any) -> None:
    for parcel, wanted in thousand:
        book = book_of(context, parcel)
        found = {(row["code"], row["ownership"]): row["area"] for row in book.accounts.rows(book.accounts.areas)}
        assert {key: area for key, area in found.items() if area > 1e-3} == pytest.approx(
            {key: area for key, area in wanted.items() if area > 1e-3}, rel=1e-7, abs=1e-3
        )
        assert math.fsum(found.values()) == pytest.approx(measure_for(4526).area(parcel), rel=1e-9)
        assert_closed(book)


def assert_closed(book: Breakdown) -> None:
    """Every table sums, in square metres and in hectares."""
    result = book.accounts.json()
    for column, places in (("areaRounded", 2), ("hectares", 4)):
        unit = 10**places

        def whole(rows: Any, column: str = column, unit: int = unit) -> int:
            return sum(round(row[column] * unit) for row in rows)

        total = round(book.plane.area * unit if places == 2 else book.plane.area / 1e4 * unit)
        assert abs(whole([*result["classes"], result["remainder"]]) - total) <= 1
        assert whole(result["groups"].values()) == whole(result["classes"])
        for level in ("county", "town", "village"):
            regions = [region for region in result["regions"] if region["level"] == level]
            assert whole(regions) == whole(result["classes"])
            for row in result["classes"]:
                same = [
                    other for region in regions for other in region["classes"]
                    if (other["code"], other["ownership"]) == (row["code"], row["ownership"])
                ]  # fmt: skip
                assert whole(same) == whole([row])


def test_a_whole_parcel_has_the_areas_that_the_survey_stored(context: Context, truth: Truth) -> None:
    cut = np.flatnonzero(truth.rows["KCXS"] > 0)[:20].tolist()
    for at in cut:
        book = book_of(context, truth.shapes[at])
        rows = {row["code"]: row["areaRounded"] for row in book.accounts.json()["classes"]}
        assert rows == {
            truth.rows["DLBM"][at]: truth.rows["TBDLMJ"][at],
            truth.rows["KCDLBM"][at]: truth.rows["KCMJ"][at],
        }


def test_parts_sum_to_the_whole(context: Context, truth: Truth) -> None:
    parcel = shapely.Polygon(shapely.union_all(truth.shapes).buffer(-2000).minimum_rotated_rectangle.exterior)
    west, south, east, north = parcel.bounds
    middle = (west + east) / 2 + 0.123
    halves = [parcel & shapely.box(west, south, middle, north), parcel & shapely.box(middle, south, east, north)]
    whole = classes(book_of(context, parcel))
    parts: dict[Any, float] = defaultdict(float)
    for half in halves:
        for key, area in classes(book_of(context, half)).items():
            parts[key] += area
    # Stored shares of whole land-use parcels are rounded to 0.01 m2: classes differ by that where a cut goes through.
    assert math.fsum(parts.values()) == pytest.approx(math.fsum(whole.values()), rel=1e-9)
    assert dict(parts) == pytest.approx(whole, abs=1.0)


def classes(book: Breakdown) -> dict[Any, float]:
    return {(row["code"], row["ownership"]): row["area"] for row in book.gross.json()["classes"]}


def test_the_pieces_sum_to_the_result(context: Context, truth: Truth) -> None:
    for parcel in parcels(truth, 1000)[-5:]:
        book = book_of(context, parcel)
        pieces = book.pieces()
        assert measure_for(4526).areas(pieces.geometries) == pytest.approx(pieces.areas, abs=1e-6)
        assert math.fsum(pieces.areas) == pytest.approx(math.fsum(classes(book).values()), rel=1e-12)
        assert math.fsum(pieces.columns["net"]) + math.fsum(pieces.columns["deducted"]) == pytest.approx(
            math.fsum(pieces.areas), rel=1e-12
        )


def question(parcel: shapely.Geometry) -> dict[str, Any]:
    place = orjson.loads(shapely.to_geojson(shapely.transform(parcel, lambda xy: xy[:, ::-1])))
    crs = "http://www.opengis.net/def/crs/EPSG/0/4526"
    feature = {"type": "Feature", "geometry": None, "place": place, "properties": {}}
    return feature | {"conformsTo": [], "coordRefSys": crs}


def test_both_stores_give_the_same_bytes(data: Path, cluster: Cluster, truth: Truth) -> None:
    """All but the version of the data, which each store names its own way."""
    contexts = [context_of(data, None), context_of(data, cluster)]
    for parcel in parcels(truth, COUNT)[-6:]:
        given: dict[str, Any] = {"parcels": ParcelDocument(question(parcel.buffer(300))), "crs": None, "layers": None}
        for asked in (
            LanduseBreakdown.model_construct(**given, ministry=True),
            FarmlandChange.model_construct(**given),
        ):
            one, other = (unversioned(asked.analyse(context).result) for context in contexts)
            assert one == other


def unversioned(result: Any) -> bytes:
    return orjson.dumps(result | {"data": [item | {"version": ""} for item in result["data"]]})


def test_changes_of_farmland_equal_a_plain_loop(context: Context, data: Path, truth: Truth) -> None:
    previous = Truth(data, "dltb_previous")
    x, y = shapely.union_all(previous.shapes).representative_point().coords[0]
    parcel = shapely.Point(x, y).buffer(1500, quad_segs=8)
    asked = FarmlandChange.model_construct(parcels=ParcelDocument(question(parcel)), crs=None, layers=None)
    analysis = asked.analyse(context)
    wanted: dict[str, float] = defaultdict(float)
    shapely.prepare(parcel)
    now = [at for at in truth.near(parcel) if parcel.intersects(truth.shapes[at])]
    for was in (at for at in previous.near(parcel) if parcel.intersects(previous.shapes[at])):
        inside = parcel & previous.shapes[was]
        for at in now:
            if previous.shapes[was].intersects(truth.shapes[at]):
                kind = change(previous.rows, was, truth.rows, at)
                if kind:
                    wanted[kind] += own_area(inside & truth.shapes[at])
    found = {row["kind"]: row["area"] for row in analysis.result["changes"] if row["area"]}
    assert found == pytest.approx({kind: area for kind, area in wanted.items() if area > 1e-3}, rel=1e-7, abs=1e-3)
    assert {"to-construction", "non-grain", "gained"} <= found.keys()
    (pieces,) = analysis.pieces()
    assert math.fsum(pieces.areas) == pytest.approx(math.fsum(found.values()), rel=1e-12)
    for rows in (analysis.result["transitions"], analysis.result["changes"]):
        assert math.fsum(row["areaRounded"] for row in rows) == pytest.approx(math.fsum(found.values()), abs=0.006)


BUILT = {"05H1", "0508", "0601", "0602", "0701", "0702", "08H1", "08H2", "0809", "0810", "1003", "1004", "1201"}
WILD = {"0404", "1101", "1106", "1207"}


def change(before: dict[str, Any], was: int, after: dict[str, Any], at: int) -> str | None:
    field, field_now = before["DLBM"][was].startswith("01"), after["DLBM"][at].startswith("01")
    if field and after["DLBM"][at] in BUILT:
        return "to-construction"
    if field and field_now:
        return "non-grain" if after["ZZSXDM"][at] == "FLS" else None
    if field:
        return "to-unused" if after["DLBM"][at] in WILD else "to-other-agricultural"
    return "gained" if field_now else None
