"""Execute requests without a server: binding of inputs, responses, registry, rule catalogue, tables of areas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from onemap.block import Content, Document
from onemap.config import Settings, Text, read_yaml, validate
from onemap.errors import ConfigError, InvalidBody, NoSuchProcess, UnsupportedMediaType
from onemap.processes import Processes, built_in
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue
from onemap.processes.echo import Echo
from onemap.processes.execute import parse_execution, run
from onemap.processes.inputs import bind
from onemap.processes.model import Context
from onemap.processes.parcel_areas import EllipsoidArea
from onemap.processes.rulebook import folder
from onemap.processes.tables import columns
from tests.lines import catalogue


def context() -> Context:
    return Context(gate=None, principal=None, settings=Settings())  # type: ignore[arg-type]


def test_defaults_stand_in_for_inputs_left_out() -> None:
    made = bind(Echo, {"echo": "x"})
    assert isinstance(made, Echo)
    assert (made.echo, made.array, made.pause) == ("x", [], 0)
    assert bind(Echo, {"echo": "x"}).array is not made.array  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("inputs", "pointer", "shown"),
    [
        ({"echo": "x", "array": [1, {"a": 1}]}, "/inputs/array/1", '{"a":1}'),
        ({"echo": "x", "bbox": {"value": {"bbox": [1, 2, "z", 4]}}}, "/inputs/bbox/value/bbox/2", '"z"'),
        ({"echo": ["y" * 500]}, "/inputs/echo", '["yyyyyyyy'),
        ({"echo": {"href": "http://127.0.0.1/"}}, "/inputs/echo/href", ""),
        ({"a/b~c": 1}, "/inputs/a~1b~0c", ""),
    ],
)
def test_a_fault_has_a_pointer_and_the_value_shortened(inputs: Any, pointer: str, shown: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        bind(Echo, inputs)
    assert caught.value.extra["pointer"] == pointer
    value = str(caught.value.extra.get("value", ""))
    assert value.startswith(shown)
    assert len(value) < 70


def test_a_parcel_document_is_json_or_a_file() -> None:
    inline = bind(EllipsoidArea, {"parcels": {"type": "Polygon", "value": 1}})
    assert inline.parcels.media_type == "application/geo+json"  # type: ignore[attr-defined]
    text = bind(EllipsoidArea, {"parcels": {"value": "[地块坐标]", "mediaType": "text/plain; charset=gbk"}})
    assert text.parcels.data == "[地块坐标]".encode()  # type: ignore[attr-defined]
    older = bind(EllipsoidArea, {"parcels": {"value": "QQ==", "format": {"mediaType": "application/x-zip-compressed"}}})
    assert (older.parcels.data, older.parcels.media_type) == (b"A", "application/zip")  # type: ignore[attr-defined]
    packed = {"value": "eyJhIjoxfQ==", "encoding": "base64", "mediaType": "application/geo+json"}
    assert bind(EllipsoidArea, {"parcels": packed}).parcels.data == {"a": 1}  # type: ignore[attr-defined]


def test_media_types_of_the_body() -> None:
    for media_type in ("application/json", "application/json; charset=utf-8", ""):
        assert parse_execution(Echo, b'{"inputs": {"echo": "x"}}', media_type).response == "raw"
    for media_type in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        with pytest.raises(UnsupportedMediaType):
            parse_execution(Echo, b'{"inputs": {"echo": "x"}}', media_type)


def test_the_forms_of_a_response() -> None:
    def answer(more: str) -> Any:
        return run(parse_execution(Echo, b'{"inputs": {"echo": "x"}' + more.encode() + b"}", ""), context())

    assert answer(', "outputs": {"characters": {}}') == Document(1)
    assert answer(', "outputs": {"echo": {}}, "response": "document"') == Document({"echo": "x"})
    several = answer(', "outputs": {"echo": {}, "characters": {}}')
    assert isinstance(several, Content)
    assert several.media_type.startswith('multipart/related; boundary="')
    assert several.body.count(b"Content-ID") == 2
    binary = answer(', "outputs": {"binary": {}}')
    assert binary == Content(b"", "image/tiff")


def test_the_registry_is_immutable() -> None:
    class Other(Echo):
        """Another echo."""

        id = "other"
        title = Text(zh="又", en="Other")

    few = Processes([Echo])
    more = few.register(Other)
    assert (len(few), len(more), more.get("other")) == (1, 2, Other)
    with pytest.raises(ConfigError):
        more.register(Echo)
    with pytest.raises(NoSuchProcess):
        few.get("other")


def test_every_built_in_process_says_what_it_is_in_both_languages() -> None:
    for process in built_in():
        for text in (process.title, process.description, *(output.title for output in process.outputs)):
            assert text.zh
            assert text.en


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], "no-coverage"),
        (["not-involved", "involved-allowed"], "involved-allowed"),
        (["involved-conditional", "no-coverage"], "no-coverage"),
        (["no-coverage", "error", "not-involved"], "error"),
        (["error", "involved-prohibited"], "involved-prohibited"),
    ],
)
def test_the_verdict_is_the_worst_status(statuses: Any, worst: str) -> None:
    assert catalogue().worst(statuses) == worst


def test_a_catalogue_without_its_sources_is_refused(tmp_path: Path) -> None:
    known = read_yaml(next(folder(CONTROL_LINES).glob("*.yml")))
    for fault in ("basis", "purposes"):
        path = tmp_path / "rules.yml"
        path.write_text(yaml.safe_dump({**known, fault: {}}, allow_unicode=True), encoding="utf-8")
        with pytest.raises(ConfigError, match=r"no (legal source|purpose)"):
            validate(Catalogue, read_yaml(path), path)


@given(st.lists(st.floats(0.001, 1e9), min_size=1, max_size=40))
@example([0.25, 0.375])  # none of them has a unit of its own
def test_columns_close_to_the_total(areas: list[float]) -> None:
    total = sum(areas)
    rows = columns(areas, total)
    assert sum(round(row["areaRounded"] * 100) for row in rows) == pytest.approx(total * 100, abs=0.51)
    assert sum(round(row["hectares"] * 1e4) for row in rows) == pytest.approx(total, abs=0.51)


def test_columns_that_cannot_close_are_rounded_on_their_own() -> None:
    rows = columns([100.004, 200.006], 250.0)
    assert [row["areaRounded"] for row in rows] == [100.0, 200.01]
    assert columns([], 5.0) == []
    assert columns([0.0], 0.001) == [{"areaRounded": 0.0, "hectares": 0.0}]
