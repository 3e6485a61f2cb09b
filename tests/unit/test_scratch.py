"""The scratch folder: what killed processes left is removed, what living ones have is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onemap.features.scratch import Scratch

OWNER = """
import sys, time
from pathlib import Path
from onemap.features.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
(scratch.folder() / "half.gpkg").write_bytes(b"half a file")
print(scratch.folder(), flush=True)
time.sleep(60 if len(sys.argv) < 3 else 0)
"""


def owner(base: Path, *more: str) -> tuple[subprocess.Popen[str], Path]:
    """Return a process that has a temporary file below ``base``, and its folder."""
    command = [sys.executable, "-c", OWNER, str(base), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    return process, folder


def ended(process: subprocess.Popen[str], number: int | None = None) -> None:
    if number is not None:
        process.send_signal(number)
    process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()


def test_the_living_and_the_dead(tmp_path: Path) -> None:
    killed, dead = owner(tmp_path)
    living, alive = owner(tmp_path)
    try:
        ended(killed, signal.SIGKILL)
        assert (dead / "half.gpkg").exists()
        assert Scratch(tmp_path).sweep() == 1
        assert not dead.exists()
        assert (alive / "half.gpkg").exists()
        assert Scratch(tmp_path).sweep() == 0
    finally:
        ended(living, signal.SIGKILL)
    assert Scratch(tmp_path).sweep() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ends_leaves_nothing(tmp_path: Path) -> None:
    process, folder = owner(tmp_path, "ends")
    ended(process)
    assert process.returncode == 0
    assert not folder.exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    base = tmp_path / "base"
    base.mkdir()
    (base / "onemap-link").symlink_to(elsewhere)
    for name in ("onemap-plain", "other-1"):
        (base / name).mkdir()
    (base / "other-1" / "lock").touch()
    assert Scratch(base).sweep() == 0
    assert {path.name for path in base.iterdir()} == {"onemap-link", "onemap-plain", "other-1"}
    assert (elsewhere / "lock").exists()


def test_the_own_folder(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "deep" / "scratch")
    assert scratch.sweep() == 0
    first = scratch.folder()
    assert scratch.folder() == first
    assert scratch.sweep() == 0
    (first / "lock").unlink()
    first.rmdir()
    assert scratch.folder().is_dir()
    assert Scratch(tmp_path / "deep" / "scratch").sweep() == 0
    here = scratch.folder()
    del scratch
    assert not here.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_folders_of_other_users_stay(tmp_path: Path) -> None:
    other = tmp_path / "onemap-other"
    other.mkdir()
    (other / "lock").touch()
    os.chown(other, 12345, 12345)
    assert Scratch(tmp_path).sweep() == 0
    assert other.exists()
    os.chown(other, 0, 0)
    assert Scratch(tmp_path).sweep() == 1


def test_many_begin_and_sweep_at_once(tmp_path: Path) -> None:
    processes = [owner(tmp_path) for _ in range(4)]
    try:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            assert Scratch(tmp_path).sweep() == 0
        assert all((folder / "half.gpkg").exists() for _, folder in processes)
    finally:
        for process, _ in processes:
            ended(process, signal.SIGKILL)
