"""Processes of pygeoapi as ours: found by configuration and entry point, described, validated, executed as jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pygeoapi.process.base import BaseProcessor, ProcessorExecuteError

from onemap.app import publish_file
from onemap.config import Settings
from onemap.errors import BadRequest, ConfigError, InvalidBody, ServerError
from onemap.processes import available, built_in
from onemap.processes.inputs import bind
from onemap.processes.model import Context
from onemap.processes.pygeoapi import with_plugins
from onemap.processes.pygeoapi.adapt import adapted
from tests.conformance.world import PLACES, write_world
from tests.working import Worked, with_jobs, worked

HELLO = "pygeoapi.process.hello_world:HelloWorldProcessor"


class Squares(BaseProcessor):
    """Squares numbers, and says how many there were."""

    METADATA: ClassVar[dict[str, Any]] = {
        "version": "2.1",
        "title": {"en-US": "Squares", "zh-CN": "平方"},
        "description": "Squares of numbers",
        "keywords": ["numbers"],
        "inputs": {
            "numbers": {
                "title": "Numbers",
                "schema": {"type": "number", "maximum": 1e6},
                "minOccurs": 1,
                "maxOccurs": 9,
            },
            "note-on": {"schema": {"$ref": "https://schemas.example/note.json"}, "minOccurs": 0},
        },
        "outputs": {
            "squares": {"schema": {"type": "array"}},
            "text": {"schema": {"type": "string", "contentMediaType": "text/csv"}},
        },
    }

    def __init__(self, processor_def: dict[str, Any]) -> None:
        super().__init__(processor_def, self.METADATA)

    def execute(self, data: dict[str, Any], outputs: Any = None) -> tuple[str, Any]:
        """Square."""
        given = data["numbers"] if isinstance(data["numbers"], list) else [data["numbers"]]
        if 13 in given:
            raise ProcessorExecuteError("secret of the server", user_msg="13 is no number to square.")
        if 14 in given:
            raise ProcessorExecuteError("secret of the server")
        if 15 in given:
            return "application/json", {"squares": []}
        return "text/csv", {"squares": [number**2 for number in given], "text": f"{len(given)}\n{sorted(data)}"}


def run(process: Any, **inputs: Any) -> Any:
    wanted = {output.id: output.media_type for output in process.outputs}
    context = Context(gate=None, principal=None, settings=Settings(), wanted=wanted)  # type: ignore[arg-type]
    return bind(process, inputs)(context)


def test_a_processor_becomes_a_process() -> None:
    process = adapted("squares", Squares)
    assert (process.id, process.version, process.keywords) == ("squares", "2.1", ("numbers",))
    assert (process.title.zh, process.title.en) == ("平方", "Squares")
    assert [(output.id, output.media_type) for output in process.outputs] == [
        ("squares", "application/json"),
        ("text", "text/csv"),
    ]
    assert run(process, numbers=[1, 2.5]) == {"squares": [1, 6.25], "text": b"2\n['numbers']"}
    assert run(process, numbers=3)["squares"] == [9]
    assert run(process, **{"numbers": 3, "note-on": {"any": 1}})["text"] == b"1\n['note-on', 'numbers']"


def test_its_inputs_are_validated_and_its_failures_are_told_in_its_words() -> None:
    process = adapted("squares", Squares)
    for inputs in ({}, {"numbers": "1"}, {"numbers": [1, "2"]}, {"numbers": 1e7}, {"numbers": 1, "other": 2}):
        with pytest.raises(InvalidBody):
            bind(process, inputs)
    with pytest.raises(BadRequest, match="13 is no number"):
        run(process, numbers=13)
    with pytest.raises(BadRequest) as caught:
        run(process, numbers=[14])
    assert "secret" not in caught.value.detail
    with pytest.raises(ServerError):
        run(process, numbers=15)


def test_what_cannot_be_a_process_is_refused() -> None:
    class Clash(Squares):
        METADATA: ClassVar[dict[str, Any]] = {"inputs": {"outputs": {"schema": {}}}}

    for processor in (Clash, int, "text"):
        with pytest.raises(ConfigError):
            adapted("clash", processor)


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ({"echo": HELLO}, "same id"),
        ({"x": "pygeoapi.process.hello_world.HelloWorldProcessor"}, "no path"),
        ({"x": "tests.api.test_process_plugins:Squares"}, "no installed package"),
        ({"x": "os.path:join; import os"}, "no path"),
        ({"x": "os:system"}, "no installed package"),
        ({"x": "pygeoapi.process.nothing:Nothing"}, "cannot be loaded"),
        ({"x": "pygeoapi.process.hello_world:Nothing"}, "cannot be loaded"),
        ({"x": "pygeoapi.process.hello_world:PROCESS_METADATA"}, "no processor"),
    ],
)
def test_only_processors_of_installed_packages_are_taken(named: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        with_plugins(built_in(), named)


def test_an_installed_package_offers_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "squares-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: squares\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[onemap.pygeoapi_processes]\ngreeting = {HELLO}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert str(tmp_path) in sys.path
    assert available(Settings()).get("greeting").version == "0.2.0"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worked]:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder / "world.gpkg", PLACES)
    with worked(with_jobs(publish_file(folder / "world.gpkg"), folder, plugins={"hello": HELLO})) as found:
        yield found


def test_it_is_served_as_any_other(served: Worked) -> None:
    client = served.client
    described = client.get("/processes/hello", params={"lang": "en", "f": "json"}).json()
    assert (described["title"], described["inputs"]["name"]["minOccurs"]) == ("Hello World", 1)
    assert described["inputs"]["message"]["minOccurs"] == 0
    assert client.get("/processes/hello", headers={"Accept": "text/html"}).status_code == 200
    path = "/processes/hello/execution"
    assert client.post(path, json={"inputs": {"name": "World"}}).json() == "Hello World!"
    wrong = client.post(path, json={"inputs": {"name": 5}})
    assert (wrong.status_code, wrong.json()["pointer"]) == (400, "/inputs/name")
    job = client.post(path, json={"inputs": {"name": "Job"}}, headers={"Prefer": "respond-async"}).headers["location"]
    for _ in range(500):
        if client.get(job).json()["status"] == "successful":
            break
        time.sleep(0.02)
    assert client.get(job + "/results").json() == "Hello Job!"
