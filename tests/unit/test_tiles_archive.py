"""PMTiles and MBTiles: numbers along the curve, directories, whole files, broken ones, parts of files."""

from __future__ import annotations

import gzip
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.errors import ConfigError
from onemap.tiles.archive.directory import (
    HEADER_BYTES,
    ROOT_END,
    DirectoryEntry,
    Header,
    find,
    read_directory,
    write_directory,
)
from onemap.tiles.archive.mbtiles import read_mbtiles, write_mbtiles
from onemap.tiles.archive.reader import Archive
from onemap.tiles.archive.serve import parse_range
from onemap.tiles.archive.staging import Staging
from onemap.tiles.archive.tileid import first_id, tile_id, tile_ids, zoom_of
from onemap.tiles.archive.writer import About, write_pmtiles

ABOUT = About({"name": "x", "vector_layers": [], "onemap": {"id": "1"}}, 0, 9, (1.0, 2.0, 3.0, 4.0), (2.0, 3.0), 5)


@pytest.mark.parametrize("zoom", range(8))
def test_numbers_follow_a_hilbert_curve(zoom: int) -> None:
    """Each number once, and the tiles of consecutive numbers are neighbours."""
    side = 1 << zoom
    cols, rows = (part.ravel() for part in np.meshgrid(np.arange(side), np.arange(side)))
    ids = tile_ids(zoom, cols, rows)
    order = np.argsort(ids)
    assert ids[order].tolist() == list(range(first_id(zoom), first_id(zoom + 1)))
    steps = np.abs(np.diff(cols[order])) + np.abs(np.diff(rows[order]))
    assert (steps == 1).all()
    assert {zoom_of(number) for number in ids.tolist()} == {zoom}


def test_numbers_of_the_specification() -> None:
    """The examples of PMTiles 3, 4.1."""
    known = {
        (0, 0, 0): 0,
        (1, 0, 0): 1,
        (1, 0, 1): 2,
        (1, 1, 1): 3,
        (1, 1, 0): 4,
        (2, 0, 0): 5,
        (12, 3423, 1763): 19078479,
    }
    assert {place: tile_id(*place) for place in known} == known


entries = st.lists(
    st.tuples(st.integers(1, 2**40), st.integers(1, 2**20), st.booleans(), st.integers(0, 5)), max_size=60
)


@settings(max_examples=100)
@given(entries)
def test_directories_come_back(parts: list[tuple[int, int, bool, int]]) -> None:
    made: list[DirectoryEntry] = []
    first = offset = 0
    for step, length, follows, run in parts:
        first += step + 5
        offset = made[-1].offset + made[-1].length if follows and made else offset // 2
        made.append(DirectoryEntry(first, offset, length, run))
    assert read_directory(write_directory(made)) == made
    for entry in made:
        assert find(made, entry.first) == entry
        if entry.run:
            assert find(made, entry.first + entry.run) != entry
    assert find(made, 0) is None


def test_the_header_comes_back() -> None:
    header = Header(*range(1, 12), 1, 2, 2, 1, 3, 14, -1_800_000_000, -5, 6, 7, 8, 9, -10)
    assert len(header.write()) == HEADER_BYTES
    assert Header.read(header.write()) == header
    for wrong in (b"", b"PMTiles\x02" + bytes(200), header.write()[:-1]):
        with pytest.raises(ValueError, match="no PMTiles"):
            Header.read(wrong)


def content(number: int) -> bytes:
    return gzip.compress(f"tile {number}".encode(), mtime=0)


def written(path: Path, tiles: dict[int, bytes]) -> Archive:
    assert write_pmtiles(path, sorted(tiles.items()), ABOUT) == len(tiles)
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    return Archive(path)


@pytest.mark.parametrize("count", [0, 1, 300, 60_000])
def test_tiles_come_back(tmp_path: Path, count: int) -> None:
    chance = random.Random(count)
    tiles = {number: content(number) for number in chance.sample(range(10**9), count)}
    archive = written(tmp_path / "a.pmtiles", tiles)
    asked = chance.sample(sorted(tiles), min(count, 2000))
    assert all(archive.tile(number) == tiles[number] for number in asked)
    assert all(archive.tile(number + 1) == tiles.get(number + 1) for number in asked)
    assert archive.tile(2 * 10**9) is None
    assert archive.metadata == ABOUT.metadata
    header = archive.header
    assert (header.addressed, header.entries, header.contents) == (count, count, count)
    assert header.root_offset + header.root_length <= ROOT_END
    assert bool(header.leaves_length) == (count > 20_000)
    assert (header.west, header.north) == (10_000_000, 40_000_000)
    total = ROOT_END + header.tiles_length + header.leaves_length + header.metadata_length
    assert (tmp_path / "a.pmtiles").stat().st_size == total


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    tiles = {number: content(7) for number in range(100, 200)} | {300: content(7), 301: content(8), 302: content(8)}
    archive = written(tmp_path / "a.pmtiles", tiles)
    header = archive.header
    assert (header.addressed, header.entries, header.contents, header.clustered) == (103, 3, 2, 1)
    assert all(archive.tile(number) == body for number, body in tiles.items())
    assert [archive.tile(number) for number in (99, 200, 299, 303)] == [None] * 4


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.pmtiles"
    tiles = {number: content(number) for number in range(0, 90_000, 3)}
    written(path, tiles)
    whole = path.read_bytes()
    with pytest.raises(ConfigError, match="cannot be read"):
        Archive(tmp_path / "none.pmtiles")
    for wrong in (b"", whole[:100], b"x" + whole[1:], whole[:-10], whole[:130] + bytes(5000) + whole[5130:]):
        path.write_bytes(wrong)
        with pytest.raises(ConfigError, match="no archive of tiles"):
            Archive(path)
    header = Header.read(whole)
    torn = bytearray(whole)
    torn[header.leaves_offset : header.leaves_offset + header.leaves_length] = bytes(header.leaves_length)
    path.write_bytes(torn)
    with pytest.raises(ConfigError, match="is broken"):
        Archive(path).tile(3)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_pmtiles(tmp_path / "file" / "a.pmtiles", [], ABOUT)
    with pytest.raises(ConfigError, match="cannot be written"):
        write_mbtiles(tmp_path / "file" / "a.mbtiles", [], ABOUT)


def test_mbtiles(tmp_path: Path) -> None:
    path = tmp_path / "a.mbtiles"
    tiles = [(0, 0, 0, b"top"), (2, 3, 0, b"north east"), (2, 0, 3, b"south west"), (2, 1, 3, b"south west")]
    assert write_mbtiles(path, tiles, ABOUT) == 4
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles ORDER BY 1, 2, 3")
        assert rows.fetchall() == [
            (0, 0, 0, b"top"), (2, 0, 0, b"south west"), (2, 1, 0, b"south west"), (2, 3, 3, b"north east"),
        ]  # fmt: skip
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (3,)
    metadata, counts = read_mbtiles(path)
    assert counts == {0: 1, 2: 3}
    assert {name: metadata[name] for name in ("name", "format", "minzoom", "maxzoom", "bounds", "center")} == {
        "name": "x", "format": "pbf", "minzoom": "0", "maxzoom": "9",
        "bounds": "1.0000000,2.0000000,3.0000000,4.0000000", "center": "2.0000000,3.0000000,5",
    }  # fmt: skip
    assert orjson.loads(metadata["json"])["vector_layers"] == []
    with pytest.raises(ConfigError, match="no MBTiles"):
        read_mbtiles(tmp_path / "none.mbtiles")


def test_staging_keeps_blocks_of_one_plan(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    first = Staging(path, "plan")
    first.put((3, 0, 0), [(9, 3, 0, 0, b"a"), (8, 3, 1, 1, b"b")], (0, 1, 0, 1))
    first.put((3, 0, 1), [(20, 3, 0, 2, b"a")], (0, 1, 2, 3))
    with pytest.raises(ConfigError, match="locked") as refused:
        Staging(path, "plan")
    assert "nother process" in refused.value.hint
    first.close()
    again = Staging(path, "plan")
    assert again.done() == {(3, 0, 0), (3, 0, 1)}
    again.put((3, 0, 0), [(8, 3, 1, 1, b"c")], (0, 1, 0, 1))
    assert list(again.tiles()) == [(8, 3, 1, 1, b"c"), (20, 3, 0, 2, b"a")]
    again.close()
    other = Staging(path, "another plan")
    assert other.done() == set()
    other.close(remove=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", (0, 0)), ("bytes=0-", (0, 99)), ("bytes=10-19", (10, 19)), ("bytes=90-500", (90, 99)),
        ("bytes=-10", (90, 99)), ("bytes=-500", (0, 99)), ("bytes=-0", ()), ("bytes=100-", ()), ("bytes=100-200", ()),
        ("bytes=20-10", None), ("bytes=-", None), ("bytes=a-b", None), ("items=0-1", None), ("bytes=0-1,5-6", None),
        ("", None), ("bytes=99999999999999999999-", None),
    ],
)  # fmt: skip
def test_parts_of_a_file(text: str, expected: tuple[int, ...] | None) -> None:
    assert parse_range(text, 100) == expected
