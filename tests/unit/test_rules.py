"""The rule catalogues: what each rule says, which version holds on a day, and what is refused in their files."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import shapely
import yaml

from onemap.block.caller import Caller, caller_gone, set_caller
from onemap.config import read_yaml
from onemap.errors import ClientGone, ConfigError, InvalidBody
from onemap.geo.area import measure_for
from onemap.geo.crs import crs_from_srid
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue, Finding
from onemap.processes.reviews.rules import APPROVAL, PLAN, ApprovalRules, PlanRules, Subject
from onemap.processes.rulebook import RuleBook, folder, in_force, parse_day, read_books
from onemap.processes.slivers import width_of
from onemap.processes.timed import each_in_time
from tests.lines import catalogue, newest

ALLOWED, CONDITIONAL, PROHIBITED = "involved-allowed", "involved-conditional", "involved-prohibited"
SAID = [
    ("control-lines", "farmland/involved", PROHIBITED),
    ("control-lines", "farmland/involved/national-key", CONDITIONAL),
    ("control-lines", "redline/involved", PROHIBITED),
    ("control-lines", "redline/involved/national-key", CONDITIONAL),
    ("control-lines", "redline/自然保护地核心保护区", PROHIBITED),
    ("control-lines", "nature-reserve/involved", CONDITIONAL),
    ("control-lines", "nature-reserve/核心保护区", PROHIBITED),
    ("control-lines", "nature-reserve/一般控制区", CONDITIONAL),
    ("control-lines", "water-source/involved", CONDITIONAL),
    ("control-lines", "water-source/一级保护区", PROHIBITED),
    ("control-lines", "water-source/一级保护区/water-supply", ALLOWED),
    ("control-lines", "water-source/二级保护区", CONDITIONAL),
    ("control-lines", "water-source/准保护区", CONDITIONAL),
    ("control-lines", "natural-forest/involved", CONDITIONAL),
    ("control-lines", "wetland/involved", CONDITIONAL),
    ("control-lines", "wetland/国家重要湿地", PROHIBITED),
    ("control-lines", "wetland/国家重要湿地/national-key", CONDITIONAL),
    ("control-lines", "heritage/involved", CONDITIONAL),
    ("control-lines", "heritage/保护范围", PROHIBITED),
    ("control-lines", "heritage/保护范围/archaeology", CONDITIONAL),
    ("control-lines", "heritage/建设控制地带", CONDITIONAL),
    ("control-lines", "urban-boundary/involved", CONDITIONAL),
    ("control-lines", "urban-boundary/110", ALLOWED),
    ("control-lines", "urban-boundary/120", CONDITIONAL),
    ("control-lines", "urban-boundary/130", CONDITIONAL),
    ("control-lines", "urban-boundary/outside", CONDITIONAL),
    ("control-lines", "mineral-rights/involved", CONDITIONAL),
    ("control-lines", "approved-projects/involved", CONDITIONAL),
    ("control-lines", "protection/redline", ALLOWED),
    ("control-lines", "residents/redline", CONDITIONAL),
    ("control-lines", "archaeology/redline", ALLOWED),
    ("control-lines", "forestry/redline", ALLOWED),
    ("control-lines", "visiting/redline", CONDITIONAL),
    ("control-lines", "linear-infrastructure/redline", CONDITIONAL),
    ("control-lines", "linear-infrastructure/urban-boundary/outside", ALLOWED),
    ("control-lines", "geology/redline", CONDITIONAL),
    ("control-lines", "geology/mineral-rights", CONDITIONAL),
    ("control-lines", "geology/urban-boundary/outside", ALLOWED),
    ("control-lines", "restoration/redline", ALLOWED),
    ("control-lines", "border-works/redline", ALLOWED),
    ("control-lines", "village/urban-boundary/outside", ALLOWED),
    ("control-lines", "separate-infrastructure/urban-boundary/outside", ALLOWED),
    ("control-lines", "special-site/urban-boundary/outside", CONDITIONAL),
    ("control-lines", "water-supply/water-source", ALLOWED),
    ("minerals", "mineral-rights/involved", CONDITIONAL),
    ("minerals", "mineral-rights/采矿权", CONDITIONAL),
    ("minerals", "mineral-rights/探矿权", CONDITIONAL),
    ("minerals", "mineral-deposits/involved", CONDITIONAL),
    ("minerals", "mineral-deposits/战略性矿产", CONDITIONAL),
    ("minerals", "mineral-deposits/零星矿产", ALLOWED),
]


def test_every_rule_says_what_is_written_here() -> None:
    """A rule that is new, gone or of another meaning has to be written down here too."""
    found = [
        (name, branch.place, branch.finding.status)
        for name in ("control-lines", "minerals")
        for branch in catalogue(name=name).branches()
    ]
    assert found == SAID


def test_every_finding_says_what_to_do_in_both_languages() -> None:
    for name in ("control-lines", "minerals"):
        for branch in catalogue(name=name).branches():
            assert branch.finding.basis, branch.place
            assert branch.finding.guidance or branch.finding.status == ALLOWED, branch.place
            for text in (branch.finding.guidance, branch.finding.consult):
                assert text is None or (text.zh and text.en and text.zh != text.en), branch.place


def test_a_case_goes_before_an_activity_and_an_activity_before_the_rest() -> None:
    rules = catalogue()
    red = rules.rule("redline")
    assert rules.inside(red, [], "restoration").status == ALLOWED
    assert rules.inside(red, ["核心保护区"], "restoration").status == PROHIBITED
    assert rules.inside(red, ["11"], "water-supply").status == PROHIBITED
    assert rules.outside(red, "general") is None


@pytest.mark.parametrize(
    ("statuses", "known", "status"),
    [
        ([], True, "not-involved"),
        ([], False, "no-coverage"),
        ([ALLOWED], True, ALLOWED),
        ([ALLOWED], False, "no-coverage"),
        ([CONDITIONAL], False, CONDITIONAL),
        ([ALLOWED, PROHIBITED], False, PROHIBITED),
    ],
)
def test_what_is_not_known_is_never_green(statuses: Any, known: bool, status: str) -> None:
    assert catalogue().status([Finding(status=one) for one in statuses], known) == status


def versions(path: Path, *days: tuple[str, str | None], **changes: Any) -> Path:
    """Write versions of the control lines that begin (and end) on these days."""
    known = read_yaml(next(folder(CONTROL_LINES).glob("*.yml"))) | changes
    for number, (begin, end) in enumerate(days, start=1):
        book = {**known, "version": f"{number}.0.0", "effective": begin, "until": end}
        (path / f"{number}.yml").write_text(yaml.safe_dump(book, allow_unicode=True), encoding="utf-8")
    return path


def test_the_version_in_force_is_chosen_by_day(tmp_path: Path) -> None:
    path = versions(tmp_path, ("2027-07-01", None), ("2026-01-01", "2026-12-31"), ("2027-01-01", None))
    books = read_books(Catalogue, path)

    def version(day: str | None) -> str:
        return in_force(books, parse_day(day)).version

    assert [version(day) for day in ("2026-01-01", "2026-12-30", "2027-01-01", "2028-01-01", None)] == [
        "2.0.0", "2.0.0", "3.0.0", "1.0.0", "1.0.0",
    ]  # fmt: skip
    for day in ("2025-12-31", "2026-12-31"):
        with pytest.raises(InvalidBody, match="in force"):
            version(day)


def test_versions_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="begin on 2027-01-01"):
        read_books(Catalogue, versions(tmp_path, ("2027-01-01", None), ("2027-01-01", None)))
    with pytest.raises(ConfigError, match="before it begins"):
        read_books(Catalogue, versions(tmp_path, ("2027-01-01", "2026-01-01")))
    with pytest.raises(ConfigError, match="no rule catalogue"):
        read_books(Catalogue, tmp_path / "nothing")


def test_a_source_must_be_cited_and_in_force(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'land-44' is not in force|is not in force on 2019-12-31"):
        read_books(Catalogue, versions(tmp_path, ("2019-12-31", None)))
    known = read_yaml(next(folder(CONTROL_LINES).glob("*.yml")))
    idle = {**known["basis"], "idle": known["basis"]["land-35"]}
    with pytest.raises(ConfigError, match="'idle' is never cited"):
        read_books(Catalogue, versions(tmp_path, ("2026-01-01", None), basis=idle))


def test_an_activity_names_roles_that_have_rules(tmp_path: Path) -> None:
    known = read_yaml(next(folder(CONTROL_LINES).glob("*.yml")))
    activities = {**known["activities"], "other": {"title": "x", "not_relevant": ["landfill"]}}
    with pytest.raises(ConfigError, match="landfill"):
        read_books(Catalogue, versions(tmp_path, ("2026-01-01", None), activities=activities))


@pytest.mark.parametrize(("model", "name"), [(PlanRules, PLAN), (ApprovalRules, APPROVAL)])
def test_the_other_catalogues_are_sound(model: type[RuleBook], name: str) -> None:
    book = newest(model, name)
    assert book.cited()["catalogue"] == book.id
    assert all(source.text.zh and source.text.en for source in book.basis.values())


@pytest.mark.parametrize(
    ("purpose", "code", "conformity"),
    [
        ("construction", "1001", "conforming"),
        ("construction", "16", "conditional"),
        ("construction", "01", "non-conforming"),
        ("construction", "", "non-conforming"),
        ("residential", "0701", "conforming"),
        ("residential", "08", "non-conforming"),
        ("agriculture", "0101", "conforming"),
        ("transport", "14", "conditional"),
    ],
)
def test_planned_classes_agree_or_not(purpose: str, code: str, conformity: str) -> None:
    assert newest(PlanRules, PLAN).purposes[purpose].conformity(code) == conformity


def test_every_purpose_of_plans_agrees_with_something_and_not_with_everything() -> None:
    codes = [f"{number:02}" for number in range(1, 25)]
    for code, use in newest(PlanRules, PLAN).purposes.items():
        found = {use.conformity(one) for one in codes}
        assert found == {"conforming", "conditional", "non-conforming"}, code


def areas(basic: float | None, cultivated: float | None, other: float) -> dict[Subject, float | None]:
    return {"basic-farmland": basic, "cultivated": cultivated, "other": other}


@pytest.mark.parametrize(
    ("given", "conversion", "expropriation"),
    [
        (areas(0.0, 35.0, 70.0), "plan-approver", "province"),
        (areas(0.0001, 0.0, 0.0), "state-council", "state-council"),
        (areas(0.0, 35.0001, 0.0), "plan-approver", "state-council"),
        (areas(0.0, 0.0, 70.0001), "plan-approver", "state-council"),
        (areas(None, 10.0, 10.0), None, None),
        (areas(0.0, None, 10.0), "plan-approver", None),
    ],
)
def test_who_approves(given: Any, conversion: str | None, expropriation: str | None) -> None:
    """Land Administration Law, articles 44 and 46: more than 35 ha of farmland, more than 70 ha of other land."""
    rules: ApprovalRules = newest(ApprovalRules, APPROVAL)
    for approval, wanted in ((rules.conversion, conversion), (rules.expropriation, expropriation)):
        decided = approval.decide(given)
        assert (decided and decided.approver) == wanted


@pytest.mark.parametrize(("shape", "width"), [
    (shapely.box(0, 0, 100, 0.05), 0.05),
    (shapely.box(0, 0, 7, 7), 7.0),
    (shapely.LineString([(0, 0), (50, 0), (50, 80)]).buffer(0.1, cap_style="flat", join_style="mitre"), 0.2),
    (shapely.Point(0, 0).buffer(10, quad_segs=64), np.sqrt(np.pi) * 10),
])  # fmt: skip
def test_the_width_of_a_strip_however_bent(shape: shapely.Polygon, width: float) -> None:
    for srid in (4547, 4490):
        placed = shapely.transform(shape, lambda xy: xy + np.array([500_000, 3_400_000]))
        if srid == 4490:
            placed = shapely.transform(shape, lambda xy: xy / [95_500.0, 110_870.0] + [114.0, 31.0])
        measured = measure_for(srid).areas(np.array([placed]))
        found = width_of(np.array([placed]), measured, crs_from_srid(srid))
        assert found[0] == pytest.approx(width, rel=0.01)


def test_work_is_done_beside_each_other_and_in_order() -> None:
    one, other = Event(), Event()

    def first() -> int:
        one.set()
        assert other.wait(5)
        return 1

    def second() -> int:
        other.set()
        assert one.wait(5)
        return 2

    assert list(each_in_time([first, second], 10)) == [1, 2]


def test_what_takes_too_long_is_left_and_told_so() -> None:
    told = Event()

    def slow() -> int:
        while not caller_gone():
            time.sleep(0.01)
        told.set()
        return 1

    began = time.monotonic()
    assert list(each_in_time([slow, lambda: 2], 0.2)) == [None, 2]
    assert time.monotonic() - began < 3
    assert told.wait(5)


def test_what_fails_fails_and_who_leaves_has_left() -> None:
    def wrong() -> int:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        list(each_in_time([wrong], 5))
    caller = Caller()
    set_caller(caller)
    told = Event()

    def slow() -> int:
        caller.gone = True
        while not caller_gone():
            time.sleep(0.01)
        told.set()
        return 1

    try:
        with pytest.raises(ClientGone):
            list(each_in_time([slow], 30))
        assert told.wait(5)
    finally:
        set_caller(Caller())
