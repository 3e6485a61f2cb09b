"""Rules of farmland-change and geometry-check of an instance, and rule files that are edited while the server runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, desk_of, load_instance
from onemap.batch import Order, rules_today
from onemap.batch.rows import columns
from onemap.block import Principal
from onemap.catalog import load_codes
from onemap.cli.labour import runner_of
from onemap.config import shipped
from onemap.errors import ConfigError
from onemap.processes import built_in
from onemap.processes.catalogues import load_rules
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue
from onemap.processes.desk import Desk
from onemap.processes.farmland.rules import FARMLAND
from onemap.processes.geometry_check.read import _READERS
from onemap.processes.geometry_check.rules import FORMATS, GEOMETRY
from onemap.processes.inputs import bind
from onemap.processes.jobs import Order as JobOrder
from onemap.processes.jobs import open_jobs
from onemap.processes.jobs.runner import run_waiting
from onemap.processes.model import Context
from onemap.processes.shelf import RuleShelf
from tests import lines
from tests.api.test_processes import sample
from tests.api.test_rule_catalogues import EARLY, FIRST, SHIPPED, ask, known, version, write
from tests.conftest import ROOT

SOON = 10.0  # a second, on a machine that has nothing else to do
NARROW = shapely.box(lines.X, lines.Y, lines.X + 100, lines.Y + 0.05)
SMALL = shapely.box(lines.X, lines.Y, lines.X + 3, lines.Y + 3)
REVERSED = shapely.box(lines.X, lines.Y, lines.X + 100, lines.Y + 100, ccw=False)


def geometry_rules(**changes: Any) -> dict[str, Any]:
    return known(GEOMETRY) | {"version": "2.0.0", "effective": EARLY} | changes


def without(number: str) -> list[dict[str, Any]]:
    return [rule for rule in known(GEOMETRY)["rules"] if rule["id"] != number]


def worded(number: str, text: str) -> list[dict[str, Any]]:
    return [rule | ({"text": text} if rule["id"] == number else {}) for rule in known(GEOMETRY)["rules"]]


@pytest.fixture
def served(tmp_path: Path) -> TestClient:
    return lines.make(tmp_path / "instance")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder of the rules of the instance that is served."""
    return tmp_path / "instance" / "processes"


def again(own: Path) -> TestClient:
    """Start the instance anew."""
    return TestClient(create_app(load_instance(own.parent, None, own.parent / "data")))


def checked(client: TestClient, shape: Any, **inputs: Any) -> dict[str, Any]:
    body = {"inputs": {"parcels": lines.parcels(shape), **inputs}}
    answer = client.post(f"/processes/{GEOMETRY}/execution", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fired(result: dict[str, Any]) -> set[str]:
    return set(result["summary"]["rules"])


def soon(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_day_decides_by_which_rules_geometry_is_checked(served: TestClient, own: Path) -> None:
    stricter = known(GEOMETRY)["thresholds"] | {"min_area": 1.0, "min_width": 0.01}
    louder = [rule | ({"severity": "error"} if rule["id"] == "G013" else {}) for rule in without("G006")]
    write(own, geometry_rules(thresholds=stricter, rules=louder), GEOMETRY)
    client = again(own)
    assert "G005" in fired(checked(client, NARROW, effective=FIRST))
    assert "G005" not in fired(checked(client, NARROW))
    assert {"G006"} <= fired(checked(client, SMALL, effective=FIRST))
    assert fired(checked(client, shapely.box(lines.X, lines.Y, lines.X + 0.5, lines.Y + 0.5))) == set()
    before, after = checked(client, REVERSED, effective=FIRST), checked(client, REVERSED)
    one, other = ([(item["rule"], item["severity"]) for item in result["findings"]] for result in (before, after))
    assert (one, other) == ([("G013", "info")], [("G013", "error")])
    assert after["rules"] == {"catalogue": GEOMETRY, "version": "2.0.0", "effective": EARLY}
    assert before["rules"] == {"catalogue": GEOMETRY, "version": "1.0.0", "effective": FIRST}
    refused = ask(client, GEOMETRY, effective="2025-12-31")
    assert refused.status_code == 400
    assert "in force" in refused.json()["detail"]


GEOMETRY_FAULTS = [
    ({"rules": worded("G005", "{widht:g} m")}, "no {widht}; its placeholders: {width}"),
    ({"rules": worded("G020", "{reason:.3f}")}, "the text of G020 cannot be filled"),
    ({"rules": worded("G002", "{0}")}, "its placeholders: none"),
    ({"rules": without("G021")}, "the rule G021 is missing"),
    ({"rules": [*without(""), without("")[0] | {"id": "G099"}]}, "nothing checks a rule G099: there are G001 to G022"),
    ({"rules": [*without(""), without("")[0]]}, "two rules have the number G001"),
    ({"rules": [without("")[0] | {"formats": {"text/plane": "info"}}, *without("G001")]}, "Did you mean 'text/plain'?"),
    ({"limit": 0}, "limit: Input should be greater than or equal to 1"),
    ({"threshold": {}}, "Did you mean 'thresholds'?"),
]


@pytest.mark.parametrize(("changes", "words"), GEOMETRY_FAULTS)
def test_faults_in_rules_of_geometry_are_said(tmp_path: Path, changes: Any, words: str) -> None:
    path = write(tmp_path, geometry_rules(**changes), GEOMETRY)
    with pytest.raises(ConfigError) as caught:
        load_rules(SHIPPED, tmp_path)
    assert str(path) in caught.value.detail
    assert words in caught.value.detail


def test_the_formats_of_rules_are_those_that_are_read() -> None:
    assert set(FORMATS) == _READERS.keys()


def farmland_rules(*kinds: dict[str, Any]) -> dict[str, Any]:
    book = known(FARMLAND)
    return book | {"version": "2.0.0", "effective": EARLY, "kinds": list(kinds) or book["kinds"]}


BUILT = {"id": "built-on", "title": "x", "before": {"cultivated": True}, "after": {"groups": ["construction"]}}
NEVER = {"id": "never", "title": "x", "before": {"cultivated": True}, "after": {"crops": ["no such crop"]}}


def changes(data: Path, rules: Path | None, **inputs: Any) -> dict[str, Any]:
    """Return the areas of changes by kind around a road of the demo, by the shipped rules and those of a folder."""
    instance = load_instance(ROOT, "business", data)
    desk = Desk(rules=load_rules(*filter(None, (SHIPPED, rules))))
    context = Context(instance.gate, Principal(), instance.settings, load_codes(shipped("codes")), desk=desk)
    question: Any = bind(built_in().get(FARMLAND), {"parcels": sample(data, "e_"), **inputs})
    result = question.analyse(context).result
    return {"rules": result["rules"]["version"], **{row["kind"]: row["area"] for row in result["changes"]}}


def test_changes_of_farmland_are_told_apart_by_the_rules_of_an_instance(data: Path, tmp_path: Path) -> None:
    write(tmp_path, farmland_rules(NEVER, BUILT), FARMLAND)
    before = changes(data, None)
    assert before["to-construction"] > 0
    assert changes(data, tmp_path, effective=FIRST) == before
    assert changes(data, tmp_path) == {"rules": "2.0.0", "never": 0.0, "built-on": before["to-construction"]}


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([BUILT, BUILT], "two kinds have the id 'built-on'"),
        ([BUILT | {"after": {"groups": ["built"]}}], "Input should be 'agricultural', 'construction' or 'unused'"),
        ([BUILT | {"id": "Built on"}], "String should match pattern"),
        ([BUILT | {"befor": {}}], "Did you mean 'before'?"),
    ],
)
def test_faults_in_rules_of_changes_are_said(tmp_path: Path, kinds: Any, words: str) -> None:
    write(tmp_path, farmland_rules(*kinds), FARMLAND)
    with pytest.raises(ConfigError) as caught:
        load_rules(SHIPPED, tmp_path)
    assert words in caught.value.detail


def test_edited_rules_are_applied_without_a_restart(served: TestClient, own: Path) -> None:
    assert ask(served).json()["rules"]["version"] == known()["version"]
    path = write(own, version("2.1.0", EARLY))
    soon(lambda: ask(served).json()["rules"]["version"] == "2.1.0")
    write(own, version("2.1.1", EARLY))
    soon(lambda: ask(served).json()["rules"]["version"] == "2.1.1")
    assert ask(served, effective=FIRST).json()["rules"]["version"] == known()["version"]
    path.unlink()
    soon(lambda: ask(served).json()["rules"]["version"] == known()["version"])


def stale(client: TestClient) -> float:
    app: Any = client.app
    return next(float(item.value) for item in app.metrics() if item.name == "onemap_rules_stale")


def test_a_wrong_file_leaves_the_rules_as_they_were(
    served: TestClient, own: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(own, version("2.1.0", EARLY))
    soon(lambda: ask(served).json()["rules"]["version"] == "2.1.0")
    assert stale(served) == 0
    with caplog.at_level(logging.WARNING, "onemap.rules"):
        path = write(own, version("2.2.0", EARLY) | {"titel": "x"})
        soon(lambda: stale(served) == 1)
        time.sleep(1.1)
        assert ask(served).json()["rules"]["version"] == "2.1.0"
    assert caplog.text.count("The rules stay as they were") == 1
    assert str(path) in caplog.text
    assert "Did you mean 'title'?" in caplog.text
    write(own, version("2.2.0", EARLY))
    soon(lambda: ask(served).json()["rules"]["version"] == "2.2.0")
    assert stale(served) == 0


def test_files_that_nothing_would_read_are_noticed_too(served: TestClient, own: Path) -> None:
    (own / "control-line").mkdir(parents=True)
    (own / "control-line" / f"{EARLY}.yml").write_text("id: x\n", encoding="utf-8")
    soon(lambda: stale(served) == 1)
    (own / "control-line" / f"{EARLY}.yml").unlink()
    soon(lambda: stale(served) == 0)


def test_files_are_looked_at_once_a_second_and_who_works_keeps_the_rules(tmp_path: Path) -> None:
    now = 0.0
    shelf = RuleShelf(load_rules(SHIPPED, tmp_path), lambda: now)
    desk = Desk(shelf=shelf, rules=shelf.rules)
    working = desk.now()
    write(tmp_path, version("2.1.0", EARLY))

    def newest(place: Desk) -> str:
        return place.rules.versions(Catalogue, CONTROL_LINES)[-1].version

    now = 0.9
    assert newest(desk.now()) == known()["version"]
    now = 1.0
    assert newest(desk.now()) == "2.1.0"
    assert newest(working) == known()["version"]
    assert Desk().now() == Desk()


def test_whoever_asks_while_files_are_read_does_not_wait(tmp_path: Path) -> None:
    shelf = RuleShelf(load_rules(SHIPPED, tmp_path))
    write(tmp_path, version("2.1.0", EARLY))
    with shelf._looking:
        assert shelf.now() is shelf.rules
    assert shelf.now().versions(Catalogue, CONTROL_LINES)[-1].version == "2.1.0"


def test_a_worker_applies_edited_rules_to_its_next_job(served: TestClient, own: Path) -> None:
    instance = load_instance(own.parent, None, own.parent / "data")
    runner, store = runner_of(instance), open_jobs(instance.settings)
    assert store is not None

    def done() -> str:
        body = f'{{"inputs": {{"parcels": {shapely.to_geojson(shapely.box(114, 30, 114.001, 30.001))}}}}}'
        job = store.add(JobOrder(process="control-line-check", body=body.encode(), owner=Principal().name, lang="en"))
        assert run_waiting(store, runner) == 1
        answer = served.get(f"/jobs/{job.id}/results", params={"f": "json"})
        return str(answer.json()["rules"]["version"])

    assert done() == known()["version"]
    write(own, version("2.1.0", EARLY))
    soon(lambda: done() == "2.1.0")
    assert desk_of(instance).shelf is not None


def test_a_batch_of_changes_takes_the_rules_of_the_instance_along(tmp_path: Path) -> None:
    book = Order(FARMLAND, "", (), "").book()
    assert book is not None
    assert book.version == known(FARMLAND)["version"]
    write(tmp_path, farmland_rules(NEVER, BUILT), FARMLAND)
    order = Order(FARMLAND, "", (), "", rules=rules_today(FARMLAND, load_rules(SHIPPED, tmp_path)))
    assert {"never", "built-on"} <= columns(order).keys()
    assert "to-construction" not in columns(order)
    told = order.book()
    assert told is not None
    assert (told.version, told.digest() != book.digest()) == ("2.0.0", True)
    assert rules_today("landuse-breakdown", load_rules(SHIPPED)) is None


def test_what_rules_say_has_a_digest(tmp_path: Path) -> None:
    def digest(book: dict[str, Any]) -> str:
        return Catalogue.model_validate(book).digest()

    book = known()
    assert digest(book) == digest(known())
    assert digest(book) == Catalogue.model_validate(Catalogue.model_validate(book).model_dump(mode="json")).digest()
    other = version(book["version"], FIRST, min_area=7.0)
    assert (other["version"], other["effective"]) == (book["version"], book["effective"])
    assert digest(other) != digest(book)
    turned = book | {"purposes": dict(reversed(book["purposes"].items()))}
    assert digest(turned) != digest(book), "the first purpose is the one that is assumed"
    path = write(tmp_path, book)
    path.write_text("# a remark\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_rules(SHIPPED, tmp_path).versions(Catalogue, CONTROL_LINES)[0].digest() == digest(book)
    assert replace(load_rules(SHIPPED), stamps={}).versions(Catalogue, CONTROL_LINES)[0].digest() == digest(book)
