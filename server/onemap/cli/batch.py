"""The commands ``onemap export --partition`` and ``onemap batch``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from onemap.app import Instance, publish
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.serve import Source
from onemap.config import load_settings, shipped
from onemap.cql import all_of
from onemap.errors import ConfigError, OneMapError, did_you_mean
from onemap.geo.bbox import parse_bbox
from onemap.geo.crs import CRS84, Bounds, Crs, transform_bounds
from onemap.processes.catalogues import load_rules
from onemap.query.filters import checked_filter
from onemap.security import identify
from onemap.store import Store, View
from onemap.store.partitions import MANIFEST, Export, Folder, Manifest, read_manifest
from onemap.store.partitions import export as write_partitions

if TYPE_CHECKING:
    from onemap.batch import Order, Outcome

_ROWS = 10_000
_PARCELS = 500
Engine = Literal["local", "spark"]
RowsOption = Annotated[int, typer.Option("--rows", min=1, help="Most features in a file.")]


def export(
    collection: Annotated[str, typer.Argument(help="Collection.")],
    folder: Annotated[str, typer.Argument(help="Folder to write to, a path or a URI (s3://, hdfs://).")],
    partition: Annotated[
        bool, typer.Option("--partition", help="GeoParquet, one file for each tile of a quadtree, and a manifest.")
    ] = False,
    rows: RowsOption = _ROWS,
    filter_: Annotated[str | None, typer.Option("--filter", help="CQL2 text; geometries in CRS84.")] = None,
    bbox: Annotated[
        str | None, typer.Option("--bbox", help="west,south,east,north in degrees: features whose box meets it.")
    ] = None,
    roles_only: Annotated[
        bool, typer.Option("--roles-only", help="Only attributes with a role, which is what most processes read.")
    ] = False,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Write what everybody may see of a collection, with exact coordinates, for batches (onemap batch).

    Features without a geometry are left out. Memory holds keys and boxes of all features, the rest tile by tile.
    """
    if not partition:
        raise ConfigError("Only partitions are written so far.", "Say --partition, or ask /collections/{id}/items.")
    instance = Source(None, root, zone, data, tuple(store or ())).instance()
    view, source = _view(instance, collection)
    order = Export(view, source, rows=rows)
    if filter_ is not None:
        condition = checked_filter(filter_, view, CRS84)
        order = replace(order, view=replace(view, rows=all_of([view.rows, condition])))
    if bbox is not None:
        order = replace(order, bounds=_bounds(bbox, view.collection.storage))
    if roles_only:
        kept = {item.name for item in view.columns if item.role} | {view.collection.key}
        order = replace(order, columns=kept)
    _export(order, folder)


def batch(
    process: Annotated[str, typer.Argument(help="landuse-breakdown, control-line-check or farmland-change.")],
    parcels: Annotated[
        str, typer.Option(help="Parcels: a collection, a file (as of onemap import), or a folder of partitions.")
    ],
    out: Annotated[str, typer.Option(help="Folder of the results, a path or a URI.")],
    partitions: Annotated[
        list[str] | None,
        typer.Option(help="Folder of partitions of a layer; may be repeated. Default: exported to OUT/data."),
    ] = None,
    layers: Annotated[list[str] | None, typer.Option("--layer", help="Role or collection; may be repeated.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Kind of project, as in the rule catalogue.")] = None,
    engine: Annotated[Engine, typer.Option(help="This machine, or Apache Spark (extra 'spark').")] = "local",
    master: Annotated[str | None, typer.Option(help="Spark master, as local[2] or spark://host:7077.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of this machine; default: its cores.")] = None,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="Form of the results.")
    ] = "jsonl",
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of titles in the results.")] = "zh",
    rows: Annotated[int, typer.Option("--rows", min=1, help="Most parcels in a file, which is a task.")] = _PARCELS,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on with a batch that was broken off.")
    ] = False,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Put each of very many parcels to a process; the results are those that the server gives for each alone."""
    from onemap.batch import PROCESSES, Order, rules_today

    if process not in PROCESSES:
        raise ConfigError(f"'{process}' does not run as a batch.", did_you_mean(process, PROCESSES))
    source = Source(None, root, zone, data, tuple(store or ()))
    rules = load_rules(shipped("processes"), root / "processes")
    given = {"layers": layers or None, "purpose": purpose}
    inputs = {name: value for name, value in given.items() if value and name in PROCESSES[process].model_fields}
    order = Order(
        process,
        _parcels(parcels, source, out, rows),
        tuple(partitions) if partitions else _layers(source, out, PROCESSES[process].roles(rules)),
        out,
        inputs,
        load_settings(root / "config", zone).processes.model_dump(mode="json") if (root / "config").is_dir() else {},
        form,
        lang,
        rules_today(process, rules),
    )
    outcome = _run(order, engine, master, workers, restart)
    _tell(process, outcome, out)


def _run(order: Order, engine: Engine, master: str | None, workers: int | None, restart: bool) -> Outcome:
    """Work on a batch, on Spark or on this machine."""
    if engine == "spark":
        from onemap.batch.spark import run_spark

        return run_spark(order, _said("parcels"), master, restart=restart)
    from onemap.batch import run_local

    return run_local(order, _said("parcels"), workers, restart=restart)


def _tell(process: str, outcome: Outcome, out: str) -> None:
    """Print what came of a batch."""
    summary = outcome.summary
    typer.echo(f"{process}: {outcome.answered:,} parcels answered now, {summary['parcels']:,} in all, in {out}")
    for name, counts in summary["counts"].items():
        typer.echo(f"  {name}: " + ", ".join(f"{code} {count:,}" for code, count in counts.items()))


def _parcels(given: str, source: Source, out: str, rows: int) -> str:
    """Return the folder of the parcels' partitions, written first where a collection or a file is given."""
    if Folder(given).exists(MANIFEST):
        return given
    folder = f"{out}/parcels"
    if not Path(given).is_file():
        _fresh(source.instance(), given, folder, rows)
        return folder
    from onemap.ingest import load, read_layer  # heavy, needed only here

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "parcels.gpkg"
        typer.echo(str(load(read_layer(Path(given), None, None, None), path, "parcels", "parcels")), err=True)
        _fresh(publish(str(path)), "parcels", folder, rows)
    return folder


def _layers(source: Source, out: str, roles: Iterable[str]) -> tuple[str, ...]:
    """Return the folders of the partitions of all layers with these roles, and of the regions that have names."""
    instance = source.instance()
    wanted = {*roles, "admin"}
    views = [view for view in instance.gate.views(identify()) if view.collection.role in wanted]
    for view in views:
        _fresh(instance, view.collection.id, f"{out}/data/{view.collection.id}", _ROWS)
    return tuple(f"{out}/data/{view.collection.id}" for view in views)


def _fresh(instance: Instance, name: str, folder: str, rows: int) -> None:
    """Export a collection unless the folder holds this version of it."""
    view, store = _view(instance, name)
    if Folder(folder).exists(MANIFEST):
        manifest = read_manifest(Folder(folder))
        if (manifest.version, manifest.most_rows) == (store.version(view.collection), rows):
            return
    _export(Export(view, store, rows=rows), folder)


def _export(order: Export, folder: str) -> Manifest:
    Folder(f"{folder}/tiles").remove()
    manifest = write_partitions(order, Folder(folder), _said("features"))
    typer.echo(
        f"{manifest.id}: {manifest.features:,} features in {len(manifest.partitions):,} files, {folder}", err=True
    )
    return manifest


def _view(instance: Instance, name: str) -> tuple[View, Store]:
    try:
        view = instance.gate.view(identify(), name)
    except OneMapError:
        known = [view.collection.id for view in instance.gate.views(identify())]
        raise ConfigError(f"There is no collection '{name}'.", did_you_mean(name, known)) from None
    return view, instance.gate.store(view)


def _bounds(text: str, storage: Crs) -> Bounds:
    box = parse_bbox(text, CRS84, "--bbox")
    found = transform_bounds(box.bounds, CRS84, storage)
    if found is None:
        raise ConfigError(f"--bbox {text} lies outside the domain of {storage.uri}.")
    return found


def _said(what: str) -> Callable[[int, int], None]:
    """Return what reports each tenth of the work."""
    last = [-1]

    def say(done: int, total: int) -> None:
        tenth = done * 10 // max(total, 1)
        if tenth != last[0]:
            last[0] = tenth
            print(f"  {done / max(total, 1):4.0%} {done:,} of {total:,} {what}", file=sys.stderr)

    return say
