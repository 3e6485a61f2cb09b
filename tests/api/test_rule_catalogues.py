"""Rule catalogues of an instance: its own versions lie over the shipped ones, and what is wrong with them is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely
import yaml
from starlette.testclient import TestClient

from onemap.app import desk_of, load_instance
from onemap.batch import Order
from onemap.config import read_yaml, shipped
from onemap.errors import ConfigError
from onemap.processes.catalogues import load_rules
from onemap.processes.control_lines import ControlLineCheck
from onemap.processes.control_lines.rules import CONTROL_LINES, MINERALS, Catalogue
from onemap.processes.rulebook import RuleLibrary, parse_day
from tests import lines

SHIPPED = shipped("processes")
FIRST = "2026-01-01"
EARLY, LATE = "2026-03-01", "2999-01-01"
FIELD = "wetland-paddy"


def known(name: str = CONTROL_LINES) -> dict[str, Any]:
    return read_yaml(SHIPPED / name / f"{FIRST}.yml")


def write(folder: Path, book: dict[str, Any], name: str = CONTROL_LINES, file: str = "") -> Path:
    """Write a version of a catalogue where an instance has its own."""
    path = folder / name / f"{file or book['effective']}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(book, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def version(number: str, day: str, **thresholds: Any) -> dict[str, Any]:
    """Return the rules of lines with these thresholds of the red line."""
    book = known() | {"version": number, "effective": day}
    book["rules"] = [rule | (thresholds if rule["role"] == "redline" else {}) for rule in book["rules"]]
    return book


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance with two versions of its own, in force from two days on."""
    made = tmp_path_factory.mktemp("rules")
    write(made / "processes", version("2.1.0", EARLY, min_area=0.0, min_width=0.01))
    late = version("3.0.0", LATE, min_area=10.0)
    late["rules"].append({"role": FIELD, "title": "x", "optional": True, "involved": late["rules"][0]["involved"]})
    write(made / "processes", late)
    return made


@pytest.fixture(scope="module")
def world(root: Path) -> TestClient:
    return lines.make(root)


def strip() -> dict[str, Any]:
    """Return a parcel of which 2 m2 lie in the red line, 5 cm wide."""
    west, south, _, _ = lines.feature("redline", None).bounds
    return lines.parcels(shapely.box(west - 40, south + 10, west + 0.05, south + 50))


def ask(client: TestClient, process: str = "control-line-check", **inputs: Any) -> Any:
    return client.post(f"/processes/{process}/execution", json={"inputs": {"parcels": strip(), **inputs}})


@pytest.mark.parametrize(
    ("day", "number", "significant"),
    [("2026-02-28", "2.0.0", False), (EARLY, "2.1.0", True), ("2998-12-31", "2.1.0", True), (LATE, "3.0.0", False)],
)
def test_the_day_decides_which_thresholds_hold(world: TestClient, day: str, number: str, significant: bool) -> None:
    result = ask(world, layers=["redline"], effective=day).json()
    assert (result["rules"]["catalogue"], result["rules"]["version"]) == ("control-lines", number)
    [found] = [item for item in result["layers"] if item["role"] == "redline"]
    assert found["significant"] is significant


def test_rules_to_come_are_not_applied_before_their_day(world: TestClient) -> None:
    assert ask(world).json()["rules"]["version"] == "2.1.0"
    review = ask(world, "preliminary-review").json()
    assert review["rules"]["version"] == review["results"]["control-line-check"]["rules"]["version"] == "2.1.0"
    other = ask(world, "mineral-overlay").json()["rules"]
    assert other == {"catalogue": "minerals", "version": known(MINERALS)["version"], "effective": FIRST}
    assert ask(world, effective="2025-12-31").status_code == 400


def test_a_version_of_the_same_day_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    write(tmp_path, version("2.0.1", FIRST))
    rules = load_rules(SHIPPED, tmp_path)
    assert [book.version for book in rules.versions(Catalogue, CONTROL_LINES)] == ["2.0.1"]


def test_without_a_version_in_force_the_nearest_holds() -> None:
    books = [Catalogue.model_validate(version("1", EARLY)), Catalogue.model_validate(version("2", LATE))]
    books[0] = books[0].model_copy(update={"until": parse_day("2027-01-01")})
    rules = RuleLibrary({CONTROL_LINES: tuple(books)})

    def chosen(day: str) -> str:
        today = parse_day(day)
        assert today
        return rules.choose(Catalogue, CONTROL_LINES, None, today).version

    days = ("2025-01-01", "2026-06-01", "2500-01-01", "3000-01-01")
    assert [chosen(day) for day in days] == ["1", "1", "1", "2"]


def test_layers_of_every_version_are_known(root: Path, world: TestClient) -> None:
    instance = load_instance(root, None, root / "data")
    assert FIELD in ControlLineCheck.roles(desk_of(instance).rules)
    assert FIELD not in ControlLineCheck.roles()


def test_a_batch_takes_its_rules_along() -> None:
    book = Catalogue.model_validate(version("2.1.0", EARLY, min_width=0.01))
    order = Order(ControlLineCheck.id, "", (), "", rules=book.model_dump(mode="json"))
    assert order.book() == book
    shipped_book = Order(ControlLineCheck.id, "", (), "").book()
    assert shipped_book is not None
    assert shipped_book.version == known()["version"]


def broken(**changes: Any) -> dict[str, Any]:
    return version("2.1.0", EARLY) | changes


FAULTS = [
    ({"purpose": {}}, "", ["Unknown key 'purpose'. Did you mean 'purposes'?", "purpose: {}"]),
    ({"effective": "2026-13-01"}, EARLY, ["effective", "valid date", "effective: '2026-13-01'"]),
    ({}, "2026-04-01", ["begin on 2026-03-01", "Name it 2026-03-01.yml", 'effective: "2026-04-01"']),
    ({"id": "control-line"}, "", ["it is 'control-line'", "id: control-lines"]),
    (
        {"activities": known()["activities"] | {"x": {"title": "x", "not_relevant": ["redlin"]}}},
        "",
        ["names the role 'redlin'", "Did you mean 'redline'?", "- redlin"],
    ),
]


@pytest.mark.parametrize(("changes", "file", "words"), FAULTS)
def test_a_fault_is_said_with_file_place_and_what_would_be_right(
    tmp_path: Path, changes: Any, file: str, words: list[str]
) -> None:
    path = write(tmp_path, broken(**changes), file=file)
    with pytest.raises(ConfigError) as caught:
        load_rules(SHIPPED, tmp_path)
    said = f"{caught.value.detail} {caught.value.hint}"
    assert str(path) in said
    for word in words:
        assert word in said


def test_a_status_that_is_none_is_said_with_its_line(tmp_path: Path) -> None:
    book = broken()
    book["rules"][1]["involved"]["status"] = "forbidden"
    path = write(tmp_path, book)
    line = path.read_text(encoding="utf-8").splitlines().index("    status: forbidden") + 1
    with pytest.raises(ConfigError, match=r"rules.1.involved.status: Input should be 'not-relevant'") as caught:
        load_rules(SHIPPED, tmp_path)
    assert f"{path}:{line}" in caught.value.detail


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("control-line/2027-01-01.yml", "'control-lines'"),
        ("control-lines/2027-01-01.yaml", "2027-01-01.yml"),
        ("control-lines.yml", "<first day>"),
    ],
)
def test_what_nothing_would_read_is_refused(tmp_path: Path, name: str, hint: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("id: x\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_rules(SHIPPED, tmp_path)
    assert str(path.parent if "control-line/" in name else path) in caught.value.detail
    assert hint in caught.value.hint


def test_an_instance_with_broken_rules_is_not_served(root: Path, world: TestClient) -> None:
    path = write(root / "processes", broken(version="x", effective="2026-05-01", title=7))
    try:
        with pytest.raises(ConfigError, match="title"):
            load_instance(root, None, root / "data")
    finally:
        path.unlink()
