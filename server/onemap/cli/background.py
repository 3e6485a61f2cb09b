"""The process in which a server has its packs built, ``python -m onemap.cli.background``; it ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from onemap.app import Instance
from onemap.cli.parent import end_with_parent, parent_gone
from onemap.cli.serve import Source
from onemap.tiles.pack.builder import Builder, only_builder, packed

_LOOK_SECONDS = 10.0
_NICENESS = 15


@contextmanager
def builder_beside(instance: Instance, source: Source) -> Iterator[None]:
    """Have packs built for the length of the block where the configuration asks for it."""
    packs = instance.settings.packs
    if packs.build != "background" or packs.folder is None:
        yield
        return
    command = [sys.executable, "-m", "onemap.cli.background"]
    environment = {**os.environ, **source.environment()}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:  # noqa: S603
        try:
            yield
        finally:
            process.terminate()


def main() -> None:
    """Build what is missing or out of date, again and again, until the parent process is gone."""
    os.nice(_NICENESS)
    end_with_parent()
    instance = Source.from_environment().instance()
    folder = instance.settings.packs.folder
    assert folder is not None
    with only_builder(folder) as alone:
        if not alone:
            return
        builder = Builder(folder, instance.stores, instance.settings.packs.edits, typer.echo, _end_if_orphaned)
        wanted = [item for item in instance.registry if packed(item, instance.stores[item.store])]
        while not parent_gone():
            builder.build_wanted(wanted)
            time.sleep(_LOOK_SECONDS)


def _end_if_orphaned() -> None:
    if parent_gone():
        raise SystemExit


if __name__ == "__main__":
    main()
