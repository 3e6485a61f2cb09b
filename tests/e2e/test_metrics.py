"""/metrics on the administrator's port: of all processes together, and nowhere else."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests import editing
from tests.conftest import free_port, running

TILE = "/collections/parcels/tiles/WebMercatorQuad/14/6721/13380"


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode("utf-8", "replace"))


def test_metrics_of_all_processes(tmp_path: Path) -> None:
    editing.make(tmp_path)
    base, port = tmp_path / "config" / "base.yml", free_port()
    config = yaml.safe_load(base.read_text(encoding="utf-8"))
    base.write_text(yaml.safe_dump({**config, "admin": {"port": port}}), encoding="utf-8")
    with running("--root", str(tmp_path), "--workers", "2") as server:
        for _ in range(20):
            fetch(server + TILE)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(server + "/metrics")
        end, counted = time.monotonic() + 20, 0.0
        while counted < 20:
            assert time.monotonic() < end
            time.sleep(0.2)
            text = fetch(f"http://127.0.0.1:{port}/metrics")
            counted = sum(map(float, re.findall(r"^onemap_tile_requests_total\{.*?\} (\S+)$", text, re.MULTILINE)))
        assert counted == 20
        assert "# TYPE onemap_tile_memory_bytes gauge\n" in text
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"http://127.0.0.1:{port}/")
    assert (tmp_path / "data" / "cache" / "tiles-business.sqlite").exists()
