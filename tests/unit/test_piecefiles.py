"""Pieces of huge features kept in files: the same to the last bit, whole whoever writes, bounded, and no burden."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import shapely

from onemap.geo import pieces
from onemap.geo.overlay import overlay
from onemap.geo.piecefiles import PieceFiles
from onemap.geo.pieces import FILE_VERTICES, PieceMemory
from tests.synthetic import blob
from tests.unit.test_overlay import Layer, place

FEATURE = place(blob(10_000, 10_000, 6000, 2 * FILE_VERTICES, 4), 4526)
PROJECT = place(blob(14_000, 11_000, 3000, 300, 2), 4526)


def memory(folder: Path) -> PieceMemory:
    """Return the memory of a new process."""
    return PieceMemory(files=PieceFiles(folder))


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def never(*_: object) -> None:
    raise AssertionError("the feature is cut again")


def edited(seed: int) -> shapely.Geometry:
    return shapely.transform(FEATURE, lambda xy: xy + seed * 1e-3)


def test_another_process_finds_what_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, boxes = memory(tmp_path).pieces(FEATURE)
    assert len(kept(tmp_path)) == 1
    monkeypatch.setattr(pieces, "subdivide", never)
    found, found_boxes = memory(tmp_path).pieces(FEATURE)
    assert shapely.to_wkb(found).tolist() == shapely.to_wkb(made).tolist()
    assert np.array_equal(found_boxes, boxes)


def test_heights_are_kept(tmp_path: Path) -> None:
    high = shapely.force_3d(FEATURE, 12.5)
    made, _ = memory(tmp_path).pieces(high)
    found, _ = memory(tmp_path).pieces(high)
    assert shapely.has_z(made).any()
    assert shapely.to_wkb(found).tolist() == shapely.to_wkb(made).tolist()


def test_totals_do_not_depend_on_the_files(tmp_path: Path) -> None:
    def areas(remembered: PieceMemory) -> bytes:
        return overlay(PROJECT, Layer(np.array([FEATURE]), 4526, remembered)).areas.tobytes()

    first = areas(memory(tmp_path))
    assert len(kept(tmp_path)) == 1
    assert areas(memory(tmp_path)) == first == areas(PieceMemory())


def test_an_edit_makes_another_file(tmp_path: Path) -> None:
    memory(tmp_path).pieces(FEATURE)
    made, _ = memory(tmp_path).pieces(edited(1))
    assert len(kept(tmp_path)) == 2
    assert shapely.area(made).sum() == pytest.approx(edited(1).area, rel=1e-12)
    assert shapely.total_bounds(made).tolist() == list(edited(1).bounds)


def test_small_features_have_no_file(tmp_path: Path) -> None:
    memory(tmp_path / "pieces").pieces(blob(0, 0, 6000, FILE_VERTICES // 2, 4))
    assert not (tmp_path / "pieces").exists()


def test_an_invalid_feature_has_no_file(tmp_path: Path) -> None:
    ring = np.array(FEATURE.exterior.coords)
    ring[[1500, 1600]] = ring[[1600, 1500]]
    with pytest.raises(shapely.GEOSException):
        memory(tmp_path).pieces(shapely.Polygon(ring))
    assert not kept(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-40], lambda b: b[:100] + b"x" + b[101:], lambda b: b[:3], lambda b: b""]
)
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    made, _ = memory(tmp_path).pieces(FEATURE)
    path = kept(tmp_path)[0]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    found, _ = memory(tmp_path).pieces(FEATURE)
    assert shapely.to_wkb(found).tolist() == shapely.to_wkb(made).tolist()
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    made, _ = memory(tmp_path / "file" / "pieces").pieces(FEATURE)
    assert shapely.area(made).sum() == pytest.approx(FEATURE.area, rel=1e-12)


def test_the_files_are_bounded_and_the_last_used_stay(tmp_path: Path) -> None:
    size = _size(tmp_path / "one")
    folder = tmp_path / "pieces"
    files = PieceFiles(folder, most_bytes=int(2.5 * size))
    for seed in range(2):
        PieceMemory(files=files).pieces(edited(seed))
    first, second = sorted(kept(folder), key=lambda path: path.stat().st_mtime_ns)
    os.utime(first, (1e9, 1e9))
    os.utime(second, (1e9 + 1, 1e9 + 1))
    files.unused_seconds = time.time()
    PieceMemory(files=files).pieces(edited(0))  # used: it is the youngest again
    PieceMemory(files=files).pieces(edited(2))
    assert len(kept(folder)) == 2
    assert first.exists()
    assert not second.exists()


def test_what_is_not_asked_for_any_more_goes(tmp_path: Path) -> None:
    memory(tmp_path).pieces(edited(1))
    left = tmp_path / "x.pieces.1-1.draft"
    left.write_bytes(b"interrupted")
    for path in kept(tmp_path):
        os.utime(path, (1e9, 1e9))
    memory(tmp_path).pieces(FEATURE)
    assert len(kept(tmp_path)) == 1


def test_processes_may_cut_at_the_same_time(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_digest, [tmp_path] * 6))
    assert set(found) == {_digest(tmp_path)}
    assert len(kept(tmp_path)) == 1


def _digest(folder: Path) -> bytes:
    return b"".join(shapely.to_wkb(memory(folder).pieces(FEATURE)[0]).tolist())


def _size(folder: Path) -> int:
    memory(folder).pieces(edited(0))
    return kept(folder)[0].stat().st_size
