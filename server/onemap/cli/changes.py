"""The commands about changes of features: ``onemap editing`` and ``onemap changes``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from onemap.app import load_instance
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.stores import named_stores
from onemap.errors import ConfigError, did_you_mean
from onemap.store import Pruned, WritableStore

editing = typer.Typer(no_args_is_help=True, help="Changing features through the server.")
changes = typer.Typer(no_args_is_help=True, help="The log of changes of features.")


@changes.callback()
def _changes() -> None:
    """Keep `prune` a command of its own name while it is the only one."""


@editing.command("enable")
def editing_enable(
    collection: Annotated[
        list[str] | None, typer.Argument(help="Collections; default: all that are declared editable.")
    ] = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Log every change of the tables of editable collections from now on, by whatever program, with triggers.

    A collection can be edited once its table has them. A GeoPackage gets the table onemap_change, a database the
    schema onemap; in a database this takes a user who owns the tables and may create a schema.
    """
    instance = load_instance(root, zone, data, named_stores(store or ()))
    known = {item.id: item for item in instance.registry if item.editable}
    for name in collection or known:
        if name not in known:
            raise ConfigError(f"There is no editable collection '{name}'.", did_you_mean(name, known))
        source = instance.stores[known[name].store]
        if not isinstance(source, WritableStore):
            raise ConfigError(f"The store of '{name}' cannot be written to.")
        source.enable_editing(known[name].table)
        typer.echo(f"{name}: every change of its table is logged")


@changes.command("prune")
def changes_prune(
    keep: Annotated[float, typer.Option(min=0, help="Days whose changes are kept in any case.")] = 30.0,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
) -> None:
    """Drop old changes from the logs of all stores, but none that a reader still needs.

    A reader of a log is named in it, with what it has read and within what time it comes back; as long as it does, what
    it has not read stays, however old. In a database this takes a user who may delete from the schema onemap.
    """
    instance = load_instance(root, zone, data, named_stores(store or ()))
    editable = {item.store for item in instance.registry if item.editable}
    for name in sorted(editable):
        source = instance.stores[name]
        if isinstance(source, WritableStore):
            typer.echo(f"{name}: {_told(source.prune(timedelta(days=keep)))}")


def _told(pruned: Pruned) -> str:
    text = f"{pruned.dropped} changes dropped"
    return f"{text}, {pruned.held} older ones kept for {', '.join(pruned.readers)}" if pruned.held else text
