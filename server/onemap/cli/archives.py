"""The commands about archives of tiles: ``onemap tiles seed``, ``export`` and ``info``."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from onemap.app import Instance
from onemap.catalog import Collection
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.serve import Source
from onemap.cli.tiles import tiles
from onemap.config import shipped
from onemap.errors import ConfigError, did_you_mean
from onemap.geo.crs import Bounds
from onemap.security import identify
from onemap.tiles.archive.directory import degrees
from onemap.tiles.archive.facts import is_web_mercator, seed_path
from onemap.tiles.archive.make import Maker
from onemap.tiles.archive.mbtiles import read_mbtiles
from onemap.tiles.archive.plan import grid_of, plan_levels
from onemap.tiles.archive.reader import Archive
from onemap.tiles.archive.work import Outcome, Work, carry_out
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import load_matrix_sets
from onemap.tiles.national import with_national
from onemap.tiles.pack.source import Packs
from onemap.tiles.tilesets import TileSets

__all__ = ["tiles"]

_PERCENT = 10
_MOST_TILES = 50_000_000

MatrixSetOption = Annotated[str, typer.Option("--matrix-set", help="Tile matrix set.")]
ZoomsOption = Annotated[
    str | None, typer.Option("--zooms", help="First and last level, as 0-14; default: those of the collection to 14.")
]
BoundsOption = Annotated[
    str | None, typer.Option("--bounds", help="west,south,east,north in degrees; default: all of the collection.")
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Processes; default: one for each core.")]
RestartOption = Annotated[
    bool, typer.Option("--restart", help="Begin anew instead of going on with work that was broken off.")
]


@dataclass(frozen=True, slots=True)
class Order:
    """What an archive is asked for, as a process of its own can be told."""

    source: Source
    collection: str
    matrix_set: str
    zooms: tuple[int, int]
    bounds: Bounds | None

    def open(self) -> Maker:
        """Return what makes the tiles, in a process of its own."""
        return work_of(self.source.instance(), self, Path(), 1).maker


@tiles.command("seed")
def tiles_seed(
    collection: Annotated[list[str], typer.Argument(help="Collections.")],
    matrix_set: MatrixSetOption = "WebMercatorQuad",
    zooms: ZoomsOption = None,
    bounds: BoundsOption = None,
    workers: WorkersOption = None,
    restart: RestartOption = False,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Make the tiles of collections beforehand: an archive (PMTiles) in the data folder that servers use.

    A server takes a tile from it until a change covers the tile, and gives it as a file at
    /collections/{id}/tiles/{tileMatrixSetId}/archive.pmtiles. Work that was broken off goes on where it was.
    """
    source = Source(None, root, zone, data, tuple(store or ()))
    instance = source.instance()
    settings = instance.settings
    assert settings.tiles.folder is not None
    for name in collection:
        order = Order(source, name, matrix_set, _zooms(zooms), _bounds(bounds))
        target = seed_path(settings.tiles.folder, settings.zone, name, matrix_set)
        outcome = _carry_out(instance, order, target, workers, restart)
        outcome.facts.write(target)


@tiles.command("export")
def tiles_export(
    collection: Annotated[str, typer.Argument(help="Collection.")],
    file: Annotated[Path, typer.Argument(help="File to write: .pmtiles or .mbtiles.")],
    matrix_set: MatrixSetOption = "WebMercatorQuad",
    zooms: ZoomsOption = None,
    bounds: BoundsOption = None,
    workers: WorkersOption = None,
    restart: RestartOption = False,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Write the tiles of a collection to a file, PMTiles 3 or MBTiles 1.3.

    The file has what everybody may see in the zone, as it is when the command ends. Work that was broken off goes on
    where it was.
    """
    if file.suffix not in (".pmtiles", ".mbtiles"):
        raise ConfigError(f"'{file.name}' ends neither with .pmtiles nor with .mbtiles.")
    source = Source(None, root, zone, data, tuple(store or ()))
    order = Order(source, collection, matrix_set, _zooms(zooms), _bounds(bounds))
    if file.suffix == ".mbtiles" and matrix_set != "WebMercatorQuad":
        raise ConfigError("MBTiles holds tiles of WebMercatorQuad only.", "Write PMTiles for other tile matrix sets.")
    _carry_out(source.instance(), order, file, workers, restart)


@tiles.command("info")
def tiles_info(file: Annotated[Path, typer.Argument(help="A PMTiles or MBTiles file.")]) -> None:
    """Print what is in an archive of tiles, as JSON."""
    found = _mbtiles_info(file) if file.suffix == ".mbtiles" else _pmtiles_info(file)
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


def _carry_out(instance: Instance, order: Order, target: Path, workers: int | None, restart: bool) -> Outcome:
    work = work_of(instance, order, target, workers)
    maker = work.maker
    count = sum(plan.count for plan in maker.levels)
    if count > _MOST_TILES:
        raise ConfigError(f"These are {count:,} tiles.", "Ask for fewer zooms, or smaller bounds.")
    low, high = maker.levels[0].level.id, maker.levels[-1].level.id
    typer.echo(f"{order.collection}: {count:,} tiles of {order.matrix_set}, levels {low} to {high}")
    began = time.monotonic()
    outcome = carry_out(work, _Progress(), restart=restart)
    took, size = time.monotonic() - began, target.stat().st_size
    typer.echo(f"  {target}: {outcome.tiles:,} tiles with content, {size / 1e6:.1f} MB, {took:.0f} s")
    if outcome.moving:
        typer.echo(
            "  The data was changed meanwhile, and no log tells how: the tiles may be of different times.", err=True
        )
    if not is_web_mercator(maker.grid):
        typer.echo("  Zooms are those of the archive: other programs do not know this tile matrix set.")
    return outcome


def work_of(instance: Instance, order: Order, target: Path, workers: int | None) -> Work:
    """Return the work on an archive. Raises ConfigError for what is not there."""
    view = instance.gate.view(identify(), _known(instance, order.collection).id)
    store = instance.gate.store(view)
    tilesets = TileSets(with_national(load_matrix_sets(shipped("matrixsets"))))
    tileset = tilesets.get([(view, store)], tilesets.matrix_set(order.matrix_set))
    levels = plan_levels(tileset, order.zooms, order.bounds)
    layer = Layer(view, store, pack=Packs(instance.settings.packs.folder).get(view.collection, store))
    maker = Maker(layer, grid_of(tileset.matrix_set), levels, instance.settings.limits.tile_features)
    processes = min(workers or os.cpu_count() or 1, len(maker.blocks()))
    return Work(maker, tileset, order.bounds, target, processes, order.open)


def _known(instance: Instance, name: str) -> Collection:
    found = instance.registry.get(name)
    if found is None:
        raise ConfigError(
            f"There is no collection '{name}'.", did_you_mean(name, [item.id for item in instance.registry])
        )
    return found


class _Progress:
    """Says how far the work is: on a terminal in one line, else at every tenth of it."""

    def __init__(self) -> None:
        self._said = -1
        self._began = time.monotonic()
        self._first: int | None = None
        self._line = sys.stderr.isatty()

    def __call__(self, done: int, total: int, size: int) -> None:
        """Take note of the progress."""
        self._first = done if self._first is None else self._first
        share = done / total
        step = math.floor(share * (1000 if self._line else 100 / _PERCENT))
        if step == self._said:
            return
        self._said = step
        took, made = time.monotonic() - self._began, done - self._first
        left = f", {took / made * (total - done):.0f} s left" if made and done < total else ""
        text = f"  {share:6.1%} {done:,} of {total:,} tiles, {size / 1e6:.1f} MB{left}"
        typer.echo(f"\r{text:<79}" if self._line else text, err=True, nl=not self._line or done == total)


def _zooms(text: str | None) -> tuple[int, int]:
    if text is None:
        return (0, 14)
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()) or int(first) > int(last or first):
        raise ConfigError(f"--zooms {text} is not understood.", "Write for example --zooms 0-14, or --zooms 12.")
    return int(first), int(last or first)


def _bounds(text: str | None) -> Bounds | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--bounds {text} is not understood.", "Write west,south,east,north in degrees.") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ConfigError(f"--bounds {text}: west must be less than east, and south less than north.")
    return west, south, east, north


def _pmtiles_info(file: Path) -> dict[str, object]:
    archive = Archive(file)
    header = archive.header
    sides = (header.west, header.south, header.east, header.north)
    return {
        "format": "PMTiles 3",
        "bytes": file.stat().st_size,
        "zooms": [header.min_zoom, header.max_zoom],
        "bounds": [degrees(side) for side in sides],
        "tiles": header.addressed,
        "entries": header.entries,
        "contents": header.contents,
        "metadata": archive.metadata,
    }


def _mbtiles_info(file: Path) -> dict[str, object]:
    metadata, counts = read_mbtiles(file)
    more = json.loads(metadata.pop("json", "{}"))
    return {
        "format": "MBTiles",
        "bytes": file.stat().st_size,
        "zooms": [min(counts, default=0), max(counts, default=0)],
        "tiles": sum(counts.values()),
        "metadata": {**metadata, **more},
    }
