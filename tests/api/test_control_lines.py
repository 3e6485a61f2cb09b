"""The rules of lines over squares of every kind: what each says, when it does not, and what is known of slivers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import shapely
from starlette.testclient import TestClient

from onemap.processes.control_lines.rules import Branch
from tests import lines
from tests.lines import catalogue, inside, kinds, nowhere, parcels

BRANCHES = [("control-lines", branch) for branch in catalogue().branches()] + [
    ("minerals", branch) for branch in catalogue(name="minerals").branches()
]
PROCESS = {"control-lines": "control-line-check", "minerals": "mineral-overlay"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return lines.make(tmp_path_factory.mktemp("lines"))


def run(client: TestClient, process: str, document: Any, **inputs: Any) -> dict[str, Any]:
    response = client.post(f"/processes/{process}/execution", json={"inputs": {"parcels": document, **inputs}})
    assert response.status_code == 200, response.text
    return response.json()


def layer(result: dict[str, Any], role: str) -> dict[str, Any]:
    return next(item for item in result["layers"] if item["role"] == role)


def asked(name: str, branch: Branch) -> dict[str, Any]:
    """The inputs with which a rule is asked."""
    return {"purpose": branch.purpose} if name == "control-lines" else {}


def kind(branch: Branch) -> str | None:
    return next((one for one in kinds(branch.role) if one in branch.values), None)


@pytest.mark.parametrize(("name", "branch"), BRANCHES, ids=[f"{name}-{branch.place}" for name, branch in BRANCHES])
def test_each_rule_fires_and_does_not_fire(world: TestClient, name: str, branch: Branch) -> None:
    where, elsewhere = (
        (nowhere(), inside(branch.role, "110")) if branch.outside else (inside(branch.role, kind(branch)), nowhere())
    )
    found = layer(run(world, PROCESS[name], parcels(where), **asked(name, branch)), branch.role)
    assert found["status"] == branch.finding.status
    assert [item["id"] for item in found["basis"]] == list(branch.finding.basis)
    assert found["guidance"] == ([branch.finding.guidance.zh] if branch.finding.guidance else [])
    assert found["consult"] == ([branch.finding.consult.zh] if branch.finding.consult else [])
    assert found["coverage"] == 1.0
    other = layer(run(world, PROCESS[name], parcels(elsewhere), **asked(name, branch)), branch.role)
    if branch.outside:
        assert other["outside"]["area"] == 0.0
        assert "boundary-193-outside" not in [item["id"] for item in other["basis"]]
    elif branch.role == "urban-boundary":
        assert other["hits"] == []
    else:
        assert (other["status"], other["hits"], other["basis"]) == ("not-involved", [], [])


def test_every_rule_has_a_layer_here() -> None:
    """A rule for a new role is asked without more ado: the squares come from the catalogue."""
    roles = {rule.role for rule in lines.rules()}
    assert roles == {branch.role for _, branch in BRANCHES}
    assert {*catalogue().roles(), *catalogue(name="minerals").roles()} == roles


def test_a_rule_may_have_nothing_to_do_with_an_activity(world: TestClient) -> None:
    result = run(world, "control-line-check", parcels(nowhere()), purpose="restoration")
    urban = layer(result, "urban-boundary")
    assert (urban["status"], urban["basis"]) == ("not-relevant", [])
    assert result["verdict"] == "not-involved"


def test_the_rules_are_those_of_the_day_asked_for(world: TestClient) -> None:
    result = run(world, "control-line-check", parcels(nowhere()), effective="2026-06-30")
    assert result["rules"]["effective"] == "2026-01-01"
    for day, word in (("2019-01-01", "in force"), ("tomorrow", "date")):
        inputs = {"parcels": parcels(nowhere()), "effective": day}
        response = world.post("/processes/control-line-check/execution", json={"inputs": inputs})
        assert response.status_code == 400
        assert response.json()["pointer"] == "/inputs/effective"
        assert word in response.json()["detail"]


def test_slivers_are_listed_and_flagged(world: TestClient) -> None:
    """5 cm of the red line along 40 m: listed, thin, insignificant. The same of farmland always counts."""
    for role, significant in (("redline", False), ("farmland", True)):
        west, south, _, _ = lines.feature(role, None).bounds
        strip = shapely.box(west - 40, south + 10, west + 0.05, south + 50)
        found = layer(run(world, "control-line-check", parcels(strip), layers=[role]), role)
        assert found["status"] == "involved-prohibited"
        assert found["area"] == pytest.approx(2.0, rel=1e-3)
        assert (found["significant"], found["hits"][0]["significant"]) == (significant, significant)
        if role == "redline":
            assert found["hits"][0]["width"] == pytest.approx(0.05, rel=0.01)
    west, south, _, _ = lines.feature("redline", None).bounds
    compact = shapely.box(west - 40, south - 40, west + 2, south + 2)
    corner = layer(run(world, "control-line-check", parcels(compact), layers=["redline"]), "redline")["hits"][0]
    assert corner["significant"]
    assert corner["width"] == pytest.approx(2.0, rel=0.01)


def test_each_of_several_parcels_has_its_verdict(world: TestClient) -> None:
    given = (inside("farmland", None), nowhere(), inside("redline", None), inside("urban-boundary", "110"))
    result = run(world, "control-line-check", parcels(*given))
    rows = result["parcelVerdicts"]
    assert [row["id"] for row in rows] == ["P1", "P2", "P3", "P4"]
    single = [run(world, "control-line-check", parcels(shape)) for shape in given]
    assert [row["verdict"] for row in rows] == [one["verdict"] for one in single]
    for row, one in zip(rows, single, strict=True):
        for entry in row["layers"]:
            alone = layer(one, entry["role"])
            assert (entry["status"], entry["area"]) == (alone["status"], pytest.approx(alone["area"], abs=1e-6))
    assert "parcelVerdicts" not in single[0]


def test_a_layer_that_is_late_is_unknown_and_the_others_stand(tmp_path: Any) -> None:
    client = lines.make(tmp_path / "late", layer_seconds=1e-9)
    result = run(client, "control-line-check", parcels(nowhere()))
    late = [item for item in result["layers"] if item["status"] == "timeout"]
    assert late
    assert all(item["hits"] == [] and item["requestId"] for item in late)
    assert result["verdict"] == "timeout"
    assert "layer-timeout" in {warning["code"] for warning in result["warnings"]}


def test_what_is_not_there_is_never_green(tmp_path: Any) -> None:
    client = lines.make(tmp_path / "few", without=("redline", "mineral-rights", "approved-projects"))
    result = run(client, "control-line-check", parcels(nowhere()), purpose="restoration")
    assert layer(result, "redline")["status"] == "no-coverage"
    assert result["verdict"] == "no-coverage"
    assert "approved-projects" not in {item["role"] for item in result["layers"]}
    beyond = shapely.box(lines.X + 19_990, lines.Y, lines.X + 20_010, lines.Y + 20)
    half = layer(run(client, "control-line-check", parcels(beyond)), "heritage")
    assert (half["status"], half["coverage"]) == ("no-coverage", pytest.approx(0.5, abs=1e-6))


def test_minerals_are_summed_by_kind(world: TestClient) -> None:
    shapes = [inside("mineral-rights", "采矿权"), inside("mineral-deposits", "零星矿产")]
    result = run(world, "mineral-overlay", parcels(*shapes))
    rows = [(row["role"], row["kind"], row["mineral"], row["count"]) for row in result["minerals"]]
    assert rows == [("mineral-deposits", "零星矿产", "铜矿", 1), ("mineral-rights", "采矿权", "铜矿", 1)]
    total = math.fsum(row["area"] for row in result["minerals"])
    assert total == pytest.approx(math.fsum(item["area"] for item in result["layers"]), abs=1e-9)
    assert layer(result, "mineral-rights")["consult"] == ["采矿权人和采矿权登记机关"]
