"""The reviews over squares of known land: areas, balances, approvals, conclusions; and over the demo in both stores."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import load_instance
from onemap.block import Principal
from onemap.catalog import load_codes
from onemap.config import Settings, shipped
from onemap.geo.area import measure_for
from onemap.geo.crs import CRS84, crs_from_srid, transform
from onemap.processes import built_in, hits
from onemap.processes.inputs import bind
from onemap.processes.model import Context
from tests import lines
from tests.api.test_control_lines import layer, run
from tests.api.test_processes import sample
from tests.conftest import ROOT
from tests.lines import BASIC, BETTER, STEEP, land, nowhere, parcels

REVIEWS = (
    "preliminary-review",
    "conversion-review",
    "compensation-check",
    "mineral-overlay",
    "plan-conformity",
    "site-avoidance",
)
MEASURE = measure_for(lines.SRID)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return lines.make(tmp_path_factory.mktemp("lines"))


def hectares(shape: shapely.Geometry) -> float:
    return round(MEASURE.area(shape) / 1e4, 4)


def test_land_is_divided_by_group_and_owner(world: TestClient) -> None:
    given = [land(0, 300, 100), land(1, 200, 100), land(2, 100, 100), land(3, 400, 100), land(4, 500, 100)]
    result = run(world, "conversion-review", parcels(*given))
    farmland, paddy, forest, built, unused = (hectares(shape) for shape in given)
    owned = result["land"]
    assert owned["agricultural"]["hectares"] == pytest.approx(farmland + paddy + forest, abs=2e-4)
    assert owned["agricultural"]["collective"] == {
        name: owned["agricultural"][name] for name in ("areaRounded", "hectares")
    }
    assert owned["construction"]["state"]["hectares"] == pytest.approx(built, abs=1e-4)
    assert owned["construction"]["collective"]["hectares"] == 0.0
    assert owned["unused"]["hectares"] == pytest.approx(unused, abs=1e-4)
    assert result["farmland"]["hectares"] == pytest.approx(farmland + paddy, abs=2e-4)
    assert result["farmland"]["quality"]["quality-class"] == pytest.approx((8 * 3 + 6 * 2) / 5, rel=1e-6)
    assert [row["class"] for row in result["farmland"]["slopes"]] == ["1", "2"]
    table = result["ministry"]["ZZ_XMZDFW"]
    assert table["ZYJTGDMJ"] == pytest.approx(farmland + paddy, abs=2e-4)
    assert table["ZYGYTDMJ"] == pytest.approx(built, abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "conversion", "expropriation"),
    [
        (land(0, 349, 1_000), "plan-approver", "province"),
        (land(0, 352, 1_000), "plan-approver", "state-council"),
        (land(2, 699, 1_000), "plan-approver", "province"),
        (land(2, 702, 1_000), "plan-approver", "state-council"),
        (land(BASIC, 10, 10), "state-council", "state-council"),
        (land(3), None, None),
        (land(8), "plan-approver", None),
        (land(4, 100, 100), None, "province"),
    ],
)
def test_who_approves_depends_on_what_and_how_much(
    world: TestClient, shape: shapely.Polygon, conversion: str | None, expropriation: str | None
) -> None:
    result = run(world, "conversion-review", parcels(shape))
    for name, wanted in (("conversion", conversion), ("expropriation", expropriation)):
        decision = result[name]
        assert (decision["approver"] or {}).get("id") == wanted
        assert decision["needed"] is (wanted is not None)
        assert bool(decision["basis"]) == (wanted is not None)
    assert result["verdict"] == ("involved-conditional" if conversion or expropriation else "not-involved")
    basic = shape.equals(land(BASIC, 10, 10))
    assert result["compensation"]["basicFarmland"]["needed"] is basic


def balance(result: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(row for row in result["balance"] if row["kind"] == kind)


def met(row: dict[str, Any]) -> dict[str, bool | None]:
    return {item["test"]: item["met"] for item in row["tests"]}


def test_replacement_must_be_as_much_and_as_good(world: TestClient) -> None:
    occupied = parcels(land(0, 300, 100))
    enough = run(world, "compensation-check", occupied, replacements=parcels(land(BETTER, 301, 100)))
    assert balance(enough, "cultivated")["status"] == "balanced"
    assert balance(enough, "basic-farmland")["status"] == "not-needed"
    assert enough["verdict"] == "balanced"
    assert "replacement-by-survey" in {note["code"] for note in enough["warnings"]}
    few = run(world, "compensation-check", occupied, replacements=parcels(land(BETTER, 299, 100)))
    assert met(balance(few, "cultivated")) == {"area": False, "paddy": True, "quality-class": True}
    assert few["verdict"] == "insufficient"
    poor = run(world, "compensation-check", parcels(land(1, 100, 100)), replacements=parcels(land(0, 300, 100)))
    assert met(balance(poor, "cultivated")) == {"area": True, "paddy": False, "quality-class": False}
    steep = run(world, "compensation-check", occupied, replacements=parcels(land(STEEP)))
    assert met(balance(steep, "cultivated"))["area"] is False


def test_basic_farmland_is_replaced_by_farmland_that_is_not_yet(world: TestClient) -> None:
    occupied = parcels(land(BASIC, 200, 100))
    row = balance(
        run(world, "compensation-check", occupied, replacements=parcels(land(BETTER, 300, 100))), "basic-farmland"
    )
    assert met(row)["area"] is True
    assert met(row)["quality-grade"] is None  # surveyed land has no grade on that scale
    assert row["status"] == "unknown"
    again = land(BASIC, 200, 100)
    moved = shapely.transform(again, lambda xy: xy + np.array([300, 300]))
    same = run(world, "compensation-check", occupied, replacements=parcels(moved))
    assert "replacement-is-basic-farmland" in {note["code"] for note in same["warnings"]}
    assert balance(same, "basic-farmland")["status"] == "unknown"


def test_without_replacement_the_reserve_is_drawn_on(world: TestClient) -> None:
    result = run(world, "compensation-check", parcels(land(1, 390, 1_000)))
    assert result["replacement"]["source"] == "reserve"
    assert result["replacement"]["cultivated"]["hectares"] == pytest.approx(hectares(land(2, 400, 1_000)), abs=1e-4)
    assert balance(result, "cultivated")["status"] == "balanced"
    more = run(world, "compensation-check", parcels(land(1, 410, 1_000)))
    assert balance(more, "cultivated")["status"] == "insufficient"
    listed = run(world, "compensation-check", parcels(land(1, 100, 100)), replacements=parcels(land(2, 100, 100)))
    assert (listed["replacement"]["source"], listed["verdict"]) == ("reserve", "balanced")


def test_land_cannot_replace_itself(world: TestClient) -> None:
    inputs = {"parcels": parcels(land(0, 300, 100)), "replacements": parcels(land(0, 100, 200))}
    response = world.post("/processes/compensation-check/execution", json={"inputs": inputs})
    assert response.status_code == 400
    assert response.json()["pointer"] == "/inputs/replacements"


def test_the_plan_agrees_in_part(world: TestClient) -> None:
    shapes = [land(1, 300, 100), land(4, 200, 100), land(0, 100, 100)]
    result = run(world, "plan-conformity", parcels(*shapes), purpose="residential")
    found = [result["conformity"][name]["area"] for name in ("conforming", "conditional", "non-conforming")]
    assert found == pytest.approx([MEASURE.area(shape) for shape in shapes], rel=1e-9)
    assert result["verdict"] == "non-conforming"
    assert [row["status"] for row in result["classes"]] == ["non-conforming", "conforming", "conditional"]
    for inside, verdict in ((land(1, 10, 10), "conforming"), (land(4, 10, 10), "conditional")):
        assert run(world, "plan-conformity", parcels(inside), purpose="residential")["verdict"] == verdict
    assert run(world, "plan-conformity", parcels(nowhere()))["verdict"] == "no-coverage"
    edge = shapely.box(*(np.array(land(1, 20, 20).bounds) - [0, 10, 0, 0]))
    half = run(world, "plan-conformity", parcels(edge), purpose="residential")
    assert half["verdict"] == "no-coverage"
    assert half["unplanned"]["area"] == pytest.approx(200, rel=0.01)
    zone = run(world, "plan-conformity", parcels(lines.inside("urban-boundary", "120")))["subzones"]
    assert [(row["code"], row["share"]) for row in zone] == [("120", pytest.approx(1.0))]


def test_candidates_are_ranked_by_verdict_and_area(world: TestClient) -> None:
    west, south, _, _ = lines.feature("farmland", None).bounds
    little = shapely.box(west - 40, south, west + 5, south + 40)
    shapes = [lines.inside("farmland", None), little, nowhere(), lines.inside("urban-boundary", "110")]
    result = run(world, "site-avoidance", parcels(*shapes))
    assert [(row["rank"], row["id"]) for row in result["candidates"]] == [(1, "P4"), (2, "P3"), (3, "P2"), (4, "P1")]
    assert result["candidates"][2]["prohibited"]["area"] == pytest.approx(200, rel=0.01)
    assert result["candidates"][0]["verdict"] == "involved-allowed"


def test_free_areas_keep_clear_of_what_is_prohibited(world: TestClient) -> None:
    west, south, east, north = lines.feature("redline", None).bounds
    area = shapely.box(west - 60, south - 1, east + 30, north + 1)
    result = run(world, "site-avoidance", parcels(area), size=3_000.0, clearance=5.0, layers=["redline"])
    assert result["count"] == 1
    free = result["areas"][0]
    assert free["verdict"] == "not-involved"
    shape = transform(np.array([shapely.from_geojson(json.dumps(free["geometry"]))]), CRS84, crs_from_srid(lines.SRID))[
        0
    ]
    assert 5.0 - 1e-4 < shape.distance(lines.feature("redline", None)) < 5.05
    assert free["area"] == pytest.approx(MEASURE.area(shape), rel=1e-6)
    assert free["widest"] == pytest.approx(55, abs=2.5)
    both = run(world, "site-avoidance", parcels(area), size=1_000.0, clearance=5.0, layers=["redline"])
    assert both["count"] == 2
    assert both["areas"][0]["area"] > both["areas"][1]["area"] > 1_000
    total = math.fsum(item["area"] for item in both["areas"]) + both["taken"][0]["area"]
    assert total == pytest.approx(both["parcels"]["area"], rel=1e-9)
    assert run(world, "site-avoidance", parcels(area), size=1e6)["areas"] == []


@pytest.mark.parametrize("longitude", [0.0, 20.0, -60.0])
def test_free_areas_are_sought_in_the_zones_of_the_survey(world: TestClient, longitude: float) -> None:
    ring = [[longitude, 30.0], [longitude + 0.01, 30.0], [longitude + 0.01, 30.01], [longitude, 30.0]]
    inputs = {"parcels": {"type": "Polygon", "coordinates": [ring]}, "size": 100.0}
    answer = world.post("/processes/site-avoidance/execution", json={"inputs": inputs})
    assert answer.status_code == 422
    assert "zones" in answer.json()["detail"]


def test_it_is_said_when_overlaps_are_not_looked_for(world: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    own = lines.kinds("urban-boundary")
    wide = shapely.union_all([lines.feature("urban-boundary", kind) for kind in own]).convex_hull
    asked = {"layers": ["urban-boundary"]}
    codes = [item["code"] for item in run(world, "control-line-check", parcels(wide), **asked)["warnings"]]
    assert "overlaps-not-examined" not in codes
    monkeypatch.setattr(hits, "MOST_COMPARED", len(own) - 1)
    codes = [item["code"] for item in run(world, "control-line-check", parcels(wide), **asked)["warnings"]]
    assert "overlaps-not-examined" in codes


def test_where_a_layer_says_nothing_is_not_free(world: TestClient, tmp_path: Path) -> None:
    beyond = shapely.box(lines.X + 19_900, lines.Y, lines.X + 20_100, lines.Y + 100)
    result = run(world, "site-avoidance", parcels(beyond), size=100.0, purpose="restoration")
    assert result["areas"][0]["area"] == pytest.approx(99 * 100, rel=0.01)
    few = lines.make(tmp_path / "few", without=("redline",))
    doubtful = run(few, "site-avoidance", parcels(nowhere()), size=100.0, purpose="restoration")["areas"][0]
    assert (doubtful["verdict"], doubtful["unknown"]) == ("no-coverage", ["redline"])


def test_a_preliminary_review_nests_the_others_and_says_why(world: TestClient) -> None:
    result = run(world, "preliminary-review", parcels(land(BASIC, 100, 100)), use="residential")
    assert list(result["results"]) == [
        "landuse-breakdown",
        "control-line-check",
        "plan-conformity",
        "mineral-overlay",
        "conversion-review",
    ]
    for name, own in (
        ("control-line-check", {}),
        ("plan-conformity", {"purpose": "residential"}),
        ("mineral-overlay", {}),
    ):
        assert result["results"][name] == run(world, name, parcels(land(BASIC, 100, 100)), **own)
    assert "ministry" in result["results"]["landuse-breakdown"]
    conclusion = result["conclusion"]
    assert (conclusion["status"], result["verdict"]) == ("involved-prohibited", "involved-prohibited")
    told = {(item["process"], item["subject"]): item["status"] for item in conclusion["reasons"]}
    assert told["control-line-check", "farmland"] == "involved-prohibited"
    assert told["plan-conformity", None] == "involved-prohibited"
    assert told["conversion-review", None] == "involved-conditional"
    statuses = [item["status"] for item in conclusion["reasons"]]
    assert statuses == sorted(statuses, key=["involved-prohibited", "no-coverage", "involved-conditional"].index)


def test_a_preliminary_review_without_a_reason_is_green(world: TestClient) -> None:
    good = run(world, "preliminary-review", parcels(land(3, 10, 10)), purpose="village", use="industry")
    assert good["conclusion"] == {"status": "not-involved", "title": "不涉及", "reasons": []}


@pytest.mark.parametrize("process", REVIEWS)
def test_without_its_layers_no_process_is_green(tmp_path: Path, process: str) -> None:
    everything = (*(rule.role for rule in lines.rules()), "landuse", "plan", "farmland-reserve")
    client = lines.make(tmp_path / "none", without=everything)
    result = run(client, process, parcels(nowhere()))
    assert result["verdict"] == "no-coverage"
    assert result["data"] == [entry for part in () for entry in part]


def test_layers_and_rules_that_are_not_there_are_refused(world: TestClient, internet: TestClient) -> None:
    for process in REVIEWS:
        for client in (world, internet):
            inputs = {"parcels": parcels(nowhere()), "layers": ["zzz"]}
            response = client.post(f"/processes/{process}/execution", json={"inputs": inputs})
            assert response.status_code == 400, process
            assert response.json()["pointer"] == "/inputs/layers/0"
    for name, value in (("purpose", "zzz"), ("use", "zzz")):
        inputs = {"parcels": parcels(nowhere()), name: value}
        response = world.post("/processes/preliminary-review/execution", json={"inputs": inputs})
        assert response.status_code == 400


def content(response: Any) -> str:
    """A result without the versions of the data, by which each store knows changes of its own."""
    return re.sub(r'("version":)"[0-9a-f]{16}"', r"\1", response.text)


@pytest.mark.parametrize("process", ["control-line-check", *REVIEWS])
def test_both_stores_give_the_same_bytes(
    client: TestClient, postgis_client: TestClient, data: Path, process: str
) -> None:
    for begin in ("a_", "b_", "e_"):
        inputs: dict[str, Any] = {"parcels": sample(data, begin)}
        asked = [inputs, {**inputs, "size": 3_000.0}] if process == "site-avoidance" else [inputs]
        for question in asked:
            one, other = (
                who.post(f"/processes/{process}/execution", json={"inputs": question})
                for who in (client, postgis_client)
            )
            assert one.status_code == 200, one.text
            assert content(one) == content(other)
            assert one.content == client.post(f"/processes/{process}/execution", json={"inputs": question}).content


def test_hidden_layers_are_not_there(internet: TestClient, data: Path) -> None:
    for process in ("control-line-check", *REVIEWS):
        response = internet.post(f"/processes/{process}/execution", json={"inputs": {"parcels": sample(data, "b_")}})
        assert response.status_code == 200, response.text
        for word in ("yjjbnttb", "stbhhx", "dltb", "kyq", "ghyt", "bcgdcbtb"):
            assert word not in response.text, (process, word)


@pytest.mark.parametrize("process", ["control-line-check", *REVIEWS])
def test_the_pieces_are_what_the_result_says(data: Path, process: str) -> None:
    instance = load_instance(ROOT, "business", data)
    told: list[float] = []
    context = Context(
        gate=instance.gate,
        principal=Principal(),
        settings=Settings(),
        codes=load_codes(shipped("codes")),
        progress=lambda done, _: told.append(done),
    )
    question: Any = bind(built_in().get(process), {"parcels": sample(data, "b_")})
    analysis = question.analyse(context)
    assert told == sorted(told)
    assert all(0 <= done <= 1 for done in told)
    assert told
    known = {item["collection"]: item["area"] for item in analysis.result.get("layers", [])}
    pieces = analysis.pieces()
    assert len({piece.name for piece in pieces}) == len(pieces)
    for piece in pieces:
        measured = measure_for(piece.crs.srid).areas(piece.geometries)
        assert measured == pytest.approx(piece.areas, rel=1e-6, abs=1e-3)
        assert all(len(column) == len(piece.areas) for column in piece.columns.values())
        if piece.name in known:
            assert float(piece.areas.sum()) == pytest.approx(known[piece.name], rel=1e-9, abs=1e-6)
    assert {name for name, area in known.items() if area > 0} <= {piece.name for piece in pieces}
    assert {item.collection.id for item in analysis.layers} >= {piece.name for piece in pieces}


def test_the_layers_of_a_result_are_named(world: TestClient) -> None:
    result = run(world, "control-line-check", parcels(lines.inside("wetland", "国家重要湿地")))
    assert layer(result, "wetland")["hits"][0]["name"] == "wetland 国家重要湿地"
