"""The commands about vector tiles: ``onemap tiles``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from onemap.app import Instance, load_instance
from onemap.catalog import Collection
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.stores import named_stores
from onemap.errors import ConfigError, did_you_mean
from onemap.store.tiling import GeneralisingStore, PreparedStore
from onemap.tiles.generalise import Report
from onemap.tiles.pack.builder import Builder, only_builder, packed, plan
from onemap.tiles.pack.tables import keep_generalised

tiles = typer.Typer(no_args_is_help=True, help="Vector tiles: what they are made from.")

CollectionsArgument = Annotated[list[str] | None, typer.Argument(help="Collections; default: all that need it.")]


@tiles.command("build")
def tiles_build(
    collection: CollectionsArgument = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Build packs: files in the data folder that tiles are made from faster than from the stores.

    Without names, those that are missing or out of date are built, of the collections that are to have one (key
    `tiles.pack`). A server uses a pack from the second in which it is complete; features edited since it was built are
    drawn as they are now.
    """
    instance = load_instance(root, zone, data, named_stores(store or ()))
    folder = instance.settings.packs.folder
    assert folder is not None
    with only_builder(folder) as alone:
        if not alone:
            raise ConfigError(f"Another process builds packs in {folder} at the moment.")
        builder = Builder(folder, instance.stores, instance.settings.packs.edits, typer.echo)
        for item in _chosen(instance, collection):
            wanted = packed(item, instance.stores[item.store])
            if collection or (wanted and builder.reason(item)):
                for report in builder.build(item):
                    typer.echo(said(report))


@tiles.command("generalise")
def tiles_generalise(
    collection: CollectionsArgument = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
    finest: Annotated[int, typer.Option(min=0, max=16, help="Highest zoom that is generalised.")] = 12,
    coarsest: Annotated[int, typer.Option(min=0, max=16, help="Lowest zoom that is generalised.")] = 5,
    drop: Annotated[bool, typer.Option("--drop", help="Forget what was generalised instead.")] = False,
) -> None:
    """Make generalised features for the tiles of low zooms and keep them in the database of the collection.

    Default: all coverages (key `tiles.generalise`) that are stored in PostGIS. Packs hold their own, see
    `onemap tiles build`.
    """
    instance = load_instance(root, zone, data, named_stores(store or ()))
    for item in _chosen(instance, collection):
        source = instance.stores[item.store]
        if not isinstance(source, GeneralisingStore):
            if collection:
                raise ConfigError(f"The store of '{item.id}' keeps no generalised features.", "Use onemap tiles build.")
            continue
        if drop or item.tiles.coverage or collection:
            for report in keep_generalised(source, plan(item), finest, coarsest, drop=drop):
                typer.echo(said(report))


@tiles.command("prepare")
def tiles_prepare(
    collection: Annotated[list[str], typer.Argument(help="Collections.")],
    undo: Annotated[bool, typer.Option("--undo", help="Remove what was added instead.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the SQL.")] = False,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Store longitudes and latitudes beside Gauss-Kruger coordinates in PostGIS, so that tiles need no transformation.

    Each table gets a generated column `onemap_lonlat` with an index, which the database keeps by itself. The table is
    written anew and locked meanwhile, and its owner has to ask for it (`--store NAME=postgresql://owner@...`). A server
    uses the column from its next start on.
    """
    instance = load_instance(root, zone, data, named_stores(store or ()))
    for item in list(_chosen(instance, collection)):
        source = instance.stores[item.store]
        if not isinstance(source, PreparedStore):
            raise ConfigError(f"The store of '{item.id}' needs no preparation for tiles.", "Use onemap tiles build.")
        steps = source.tile_preparation(item, undo=undo)
        if dry_run:
            typer.echo("\n".join(f"{step};" for step in steps) or f"-- {item.id}: nothing to do")
            continue
        source.prepare_tiles(item, undo=undo)
        done = "removed" if undo else "added" if steps else "there already"
        typer.echo(f"{item.id}: longitudes and latitudes {done}")


def _chosen(instance: Instance, names: Sequence[str] | None) -> Iterator[Collection]:
    known = {item.id: item for item in instance.registry}
    for name in names or known:
        if name not in known:
            raise ConfigError(f"There is no collection '{name}'.", did_you_mean(name, known))
        yield known[name]


def said(report: Report) -> str:
    """Return what became of a layer at one level, in a line."""
    worst = sorted(report.drift.items(), key=lambda item: -abs(report.after.get(item[0], 0.0) - report.before[item[0]]))
    drift = ", ".join(f"{name or 'all'} {value:+.1%}" for name, value in worst[:5])
    return (
        f"  zoom {report.zoom}: {report.features} features of {report.source_features},"
        f" {report.kept:.2%} of the area covered, {report.moved:.2%} changed its class (totals: {drift})"
    )
