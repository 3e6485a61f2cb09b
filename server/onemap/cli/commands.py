"""The commands of ``onemap``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
import yaml

from onemap import __version__
from onemap.app import collection_id, load_instance
from onemap.cli.archives import tiles
from onemap.cli.background import builder_beside
from onemap.cli.batch import batch, export
from onemap.cli.changes import changes, editing
from onemap.cli.document import openapi_document
from onemap.cli.evidence import evidence
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.serve import announce, run, source_of
from onemap.cli.stores import named_stores, settings_of
from onemap.cli.worker import place_for_jobs, worker, workers_beside
from onemap.config import GeoPackageSettings, PostgisSettings, PygeoapiSettings, load_settings
from onemap.config.models import Level
from onemap.errors import ConfigError, did_you_mean
from onemap.security import identify

application = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="OneMap: OGC API server for a province's natural-resource One Map.",
)
demo = typer.Typer(no_args_is_help=True, help="The synthetic demo province (示范省).")
application.add_typer(demo, name="demo")
application.add_typer(editing, name="editing")
application.add_typer(changes, name="changes")
application.add_typer(evidence, name="evidence")
application.add_typer(tiles, name="tiles")
application.command()(worker)
application.command()(export)
application.command()(batch)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@application.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@application.command()
def serve(
    source: Annotated[
        str | None,
        typer.Argument(help="A GeoPackage, or a database (postgresql://...), to publish without any configuration."),
    ] = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Number of server processes.")] = 1,
) -> None:
    """Serve a configured instance, or publish every feature table of SOURCE."""
    with place_for_jobs(source_of(source, root, zone, data, store)) as asked:
        instance = asked.instance()
        announce(instance, f"http://{host}:{port}")
        with builder_beside(instance, asked), workers_beside(instance, asked):
            run(instance, asked, host, port, workers)


@application.command()
def check(
    root: RootOption = Path(), zone: ZoneOption = None, data: DataOption = None, store: StoresOption = None
) -> None:
    """Check configuration, collections and stores; exit status 1 when something is left out."""
    instance = load_instance(root, zone, data, named_stores(store or ()))
    missing = [left for left in instance.left_out if not left.published]
    for left in instance.left_out:
        word = "note" if left.published else "left out"
        typer.echo(f"{word}: {left.table}: {left.reason} {left.remedy}".rstrip(), err=True)
    visible = len(instance.gate.views(identify()))
    typer.echo(f"zone {instance.settings.zone}: {len(instance.registry)} collections, {visible} visible to everybody")
    if missing:
        raise typer.Exit(1)


@application.command()
def openapi(
    source: Annotated[
        str | None,
        typer.Argument(help="A GeoPackage, or a database (postgresql://...), to describe without any configuration."),
    ] = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    form: Annotated[Literal["yaml", "json"], typer.Option("--format", help="yaml or json.")] = "yaml",
    url: Annotated[str, typer.Option(help="Address of the server in the document.")] = "http://127.0.0.1:8000",
) -> None:
    """Print the OpenAPI 3.0 document of an instance."""
    document = openapi_document(source_of(source, root, zone, data, ()).instance(), url)
    if form == "json":
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        typer.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120), nl=False)


@application.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="GeoPackage, Shapefile (.shp, .zip), GeoJSON, FlatGeobuf or GeoParquet.")
    ],
    root: RootOption = Path(),
    data: DataOption = None,
    identifier: Annotated[str | None, typer.Option("--id", help="Collection id; default: the layer's name.")] = None,
    title: Annotated[str | None, typer.Option(help="Title; default: the id.")] = None,
    level: Annotated[Level, typer.Option(help="Classification of the data.")] = "S",
    store: Annotated[str, typer.Option(help="Store of the configuration to write to.")] = "imported",
    layer: Annotated[str | None, typer.Option(help="Layer, where the file has several.")] = None,
    crs: Annotated[int | None, typer.Option(help="EPSG code, where the file does not say its CRS.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a Shapefile's attributes; default: found out.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="postgresql://...: copy every table of the GeoPackage FILE into this database, as it is."),
    ] = None,
) -> None:
    """Bring FILE into a store and write its declaration to collections/."""
    from onemap.ingest import copy_geopackage, declaration, load, load_postgis, read_layer  # heavy, needed only here

    if to is not None:
        for summary in copy_geopackage(file, settings_of(to)):
            typer.echo(str(summary))
        return
    found = read_layer(file, layer, crs, encoding)
    name = identifier or collection_id(found.name)
    declared = _new_declaration(root, name)
    target = _store(store, root)
    if isinstance(target, PostgisSettings):
        summary = load_postgis(found, target, name, title or name)
    else:
        summary = load(found, (data or root / "data") / target.path, name, title or name)
    typer.echo(str(summary))
    declared.parent.mkdir(parents=True, exist_ok=True)
    declared.write_text(declaration(found, name, store, level, title or name), encoding="utf-8")
    typer.echo(f"  stored in {store}\n  declared in {declared}")


@demo.command("init")
def demo_init(
    directory: Annotated[Path, typer.Argument(help="Folder to write to.")],
    size: Annotated[
        Literal["small", "medium", "large"], typer.Option(help="5,000, 100,000 or 500,000 parcels.")
    ] = "small",
    seed: Annotated[int, typer.Option(help="The same seed makes the same province.")] = 1,
) -> None:
    """Generate the synthetic demo province: a GeoPackage and parcel files to try."""
    from onemap.demo import generate

    summary = generate(directory, size, seed, typer.echo)
    typer.echo(str(summary))


def _new_declaration(root: Path, name: str) -> Path:
    """Return the path of a declaration that is to be written. Raises ConfigError when it is there."""
    path = root / "collections" / f"{name}.yml"
    if path.exists():
        raise ConfigError(f"{path} exists already.", "Choose another identifier with --id, or remove the file.")
    return path


def _store(name: str, root: Path) -> PostgisSettings | GeoPackageSettings:
    """Return the settings of a store that is written to. Raises ConfigError, naming the nearest for an unknown one."""
    stores = load_settings(root / "config").stores
    if name not in stores:
        raise ConfigError(f"There is no store '{name}'.", did_you_mean(name, stores))
    found = stores[name]
    if isinstance(found, PygeoapiSettings):
        raise ConfigError(f"The store '{name}' can only be read.", "Name another store with --store.")
    return found
