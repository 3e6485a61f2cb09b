"""onemap tiles seed, export and info: killed and resumed, in several processes, read by others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from onemap.cli import main
from onemap.tiles.archive.directory import HEADER_BYTES
from onemap.tiles.archive.reader import Archive
from tests.conftest import ROOT

ONEMAP = str(Path(sys.executable).with_name("onemap"))


def onemap(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ONEMAP, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)


def export(data: Path, file: Path, *more: str) -> list[str]:
    common = ["tiles", "export", "dltb", str(file), "--root", str(ROOT), "--data", str(data), "--zone", "business"]
    return [*common, *more]


def test_a_killed_export_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    wanted = ("--zooms", "9-15", "--workers", "2")
    whole, broken = tmp_path / "whole.pmtiles", tmp_path / "broken.pmtiles"
    onemap(*export(data, whole, *wanted))
    command = [ONEMAP, *export(data, broken, *wanted)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(3)]  # a fifth is done
        process.send_signal(signal.SIGKILL)
    assert "%" in said[-1]
    assert not broken.exists()
    assert broken.with_name("broken.pmtiles.part").exists()
    _until_gone(process.pid)
    again = onemap(*export(data, broken, *wanted))
    first = float(again.stderr.split("%")[0])
    assert first > 10
    assert sorted(item.name for item in tmp_path.iterdir()) == ["broken.pmtiles", "whole.pmtiles"]
    one, two = Archive(whole), Archive(broken)
    assert replace(one.header, metadata_length=0) == replace(two.header, metadata_length=0)
    parts = slice(HEADER_BYTES, one.header.tiles_offset + one.header.tiles_length)
    assert sha256(whole.read_bytes()[parts]).digest() == sha256(broken.read_bytes()[parts]).digest()


def _until_gone(parent: int) -> None:
    """Wait until the processes of a killed one have noticed."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        children = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
        orphans = [line for line in children.splitlines() if line.split()[0] == "1" and f"parent_pid={parent}," in line]
        if not orphans:
            return
        time.sleep(0.2)
    raise AssertionError("the processes of a killed export live on")


def test_mbtiles_as_gdal_reads_it(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "dltb.mbtiles"
    onemap(*export(data, file, "--zooms", "12-13", "--workers", "1"))
    info = json.loads(onemap("tiles", "info", str(file)).stdout)
    assert info["zooms"] == [12, 13]
    assert info["metadata"]["vector_layers"][0]["id"] == "dltb"
    program = shutil.which("ogrinfo")
    if program is None and not os.environ.get("CI"):
        pytest.skip("GDAL is not installed: apt-get install gdal-bin")
    assert program
    read = subprocess.run([program, "-al", "-so", str(file)], capture_output=True, text=True, check=True).stdout
    assert "Layer name: dltb" in read
    assert "DLBM" in read
    count = int(next(line for line in read.splitlines() if line.startswith("Feature Count")).split(":")[1])
    assert count > 1000


def test_info_and_what_cannot_be_asked(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dltb.pmtiles"
    done = onemap(*export(data, file, "--zooms", "13", "--bounds", "113.85,30.46,113.88,30.49"))
    assert "levels 13 to 13" in done.stdout
    info = json.loads(onemap("tiles", "info", str(file)).stdout)
    assert (info["format"], info["zooms"]) == ("PMTiles 3", [13, 13])
    assert 0 < info["tiles"] <= 4
    for arguments, said in [
        (export(data, tmp_path / "x.zip"), "ends neither"),
        (export(data, file, "--zooms", "x"), "is not understood"),
        (export(data, file, "--zooms", "20-10"), "is not understood"),
        (export(data, file, "--bounds", "1,2,3"), "is not understood"),
        (export(data, file, "--bounds", "1,2,0,4"), "must be less"),
        (export(data, file, "--bounds", "1,2,3,4"), "no tiles between"),
        (export(data, file, "--matrix-set", "NoSuch"), "no tile matrix set"),
        (export(data, tmp_path / "a.mbtiles", "--matrix-set", "CGCS2000Quad"), "WebMercatorQuad only"),
        ([item.replace("dltb", "dltc") if item == "dltb" else item for item in export(data, file)], "no collection"),
        (["tiles", "info", str(tmp_path / "none.pmtiles")], "cannot be read"),
    ]:
        monkeypatch.setattr(sys, "argv", ["onemap", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2, arguments
        assert said in capsys.readouterr().err
