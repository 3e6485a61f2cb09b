"""The pieces of a red line with thousands of vertices are cut once for an instance, from either kind of store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onemap.app import load_instance
from onemap.geo import pieces
from onemap.geo.overlay import Overlay, overlay
from onemap.geo.pieces import FILE_VERTICES
from onemap.security import identify
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.synthetic import blob
from tests.tile_instances import write_instance
from tests.unit.test_overlay import place

PROJECT = place(blob(14_000, 11_000, 3000, 300, 2), 4526)


@pytest.fixture(params=["geopackage", "postgis"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of an instance with one red line."""
    path = tmp_path / "lines.gpkg"
    line = place(blob(10_000, 10_000, 6000, 2 * FILE_VERTICES, 4), 4526)
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("lines", "POLYGON", 4526, (FieldSpec("name", "TEXT(9)"),)))
        writer.insert("lines", np.array([line]), {"name": ["line"]})
        writer.finish("lines", "2026-01-01T00:00:00.000Z")
    source = path if request.param == "geopackage" else request.getfixturevalue("cluster").copy(path)
    write_instance(tmp_path / "instance", source, ["lines"], {})
    return tmp_path / "instance"


def overlaid(root: Path) -> Overlay:
    """Overlay with the instance as a new process loads it."""
    gate = load_instance(root).gate
    view = gate.views(identify())[0]
    return overlay(PROJECT, gate.store(view).overlay_source(view), pieces=True)


def test_a_restarted_server_does_not_cut_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = overlaid(root)
    assert len(list((root / "data" / "derived" / "pieces").iterdir())) == 1

    def never(*_: object) -> None:
        raise AssertionError("the line is cut again")

    monkeypatch.setattr(pieces, "subdivide", never)
    again = overlaid(root)
    assert first.areas.tobytes() == again.areas.tobytes()
    assert first.pieces is not None
    assert again.pieces is not None
    assert first.pieces[0].wkb == again.pieces[0].wkb
