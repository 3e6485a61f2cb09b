"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onemap.config.models import Zone

RootOption = Annotated[Path, typer.Option("--root", help="Folder with config/ and collections/.")]
ZoneOption = Annotated[
    Zone | None, typer.Option("--zone", help="Network security zone; default: as config/base.yml says.")
]
StoresOption = Annotated[
    list[str] | None,
    typer.Option("--store", help="NAME=postgresql://... or NAME=FILE takes the place of a store of the configuration."),
]
DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the stores' files; default: ROOT/data.")]
