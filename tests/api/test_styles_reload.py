"""Style files that are edited while the server runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from tests.conformance.world import write_world
from tests.tile_instances import write_instance

SOON = 10.0  # a second, on a machine that has nothing else to do
STYLE = """title: Squares
layers:
  - collection: squares
    rules:
      - fill: {colour: '%s', pattern: {shape: slash, colour: '#6f7d00', spacing: %d}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_world(tmp_path / "world.gpkg")
    write_instance(tmp_path, tmp_path / "world.gpkg", ("squares",), {})
    write(tmp_path, STYLE % ("#112233", 7))
    return tmp_path


@pytest.fixture
def served(root: Path) -> Iterator[TestClient]:
    with TestClient(create_app(load_instance(root))) as client:
        yield client


def write(root: Path, text: str, name: str = "own") -> None:
    path = root / "styles" / name / "style.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def soon(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def colour(client: TestClient) -> str:
    style = client.get("/styles/own", params={"f": "mapbox"}).json()
    return str(next(layer["paint"]["fill-color"] for layer in style["layers"] if "fill-color" in layer["paint"]))


def sprites(client: TestClient) -> set[str]:
    return set(client.get("/sprites/onemap.json").json())


def test_an_edited_style_is_served_with_its_sprites_and_legend(root: Path, served: TestClient) -> None:
    assert colour(served) == "#112233"
    legend = served.get("/styles/own/legend", params={"f": "png"})
    assert "slash-6f7d00-7-1" in sprites(served)
    assert "slash-6f7d00-9-1" not in sprites(served)
    write(root, STYLE % ("#445566", 9))
    soon(lambda: colour(served) == "#445566")
    assert "slash-6f7d00-9-1" in sprites(served)
    again = served.get("/styles/own/legend", params={"f": "png"}, headers={"If-None-Match": legend.headers["etag"]})
    assert again.status_code == 200


def test_a_style_comes_and_goes_with_its_file(root: Path, served: TestClient) -> None:
    write(root, "title: Other\ninclude: [own]\n", "other")
    soon(lambda: served.get("/styles/other", params={"f": "mapbox"}).status_code == 200)
    (root / "styles" / "other" / "style.yml").unlink()
    soon(lambda: served.get("/styles/other", params={"f": "mapbox"}).status_code == 404)


def test_a_wrong_file_leaves_the_styles_as_they_were(
    root: Path, served: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def stale() -> float:
        app: Any = served.app
        return next(float(item.value) for item in app.metrics() if item.name == "onemap_styles_stale")

    assert stale() == 0
    with caplog.at_level(logging.WARNING, "onemap.styles"):
        write(root, STYLE.replace("fill", "fil") % ("#445566", 9))
        soon(lambda: stale() == 1)
    assert colour(served) == "#112233"
    assert "stay as they were" in caplog.text
    assert "style.yml" in caplog.text
    assert "'fill'" in caplog.text
    write(root, STYLE % ("#445566", 9))
    soon(lambda: stale() == 0)
    assert colour(served) == "#445566"


def test_what_an_edited_style_cannot_draw_is_said(
    root: Path, served: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "onemap.styles"):
        write(root, STYLE % ("#445566", 9) + "      - label: {field: nothing}\n")
        soon(lambda: colour(served) == "#445566")
        soon(lambda: "needs a field that the collection lacks" in caplog.text)
