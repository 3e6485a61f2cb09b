"""Run the server, and say where things are."""

from __future__ import annotations

import os
from pathlib import Path

import typer
import uvicorn
from starlette.types import ASGIApp

from onemap.app import Instance, create_app, load_instance, publish_file
from onemap.security import identify

Source = tuple[Path | None, Path, str | None, Path | None]
_ENVIRONMENT = ("ONEMAP_FILE", "ONEMAP_ROOT", "ONEMAP_ZONE", "ONEMAP_DATA")
_SECRET = "ONEMAP_TOKEN_SECRET"  # noqa: S105


def announce(instance: Instance, url: str) -> None:
    """Print the addresses of the map, a collection and a process, and what was left out and why."""
    views = instance.gate.views(identify())
    typer.echo(f"OneMap serves {len(views)} collections (zone {instance.settings.zone}):")
    typer.echo(f"  landing page  {url}/")
    typer.echo(f"  map           {url}/map")
    if views:
        shown = next((view for view in views if view.collection.role == "landuse"), views[0])
        typer.echo(f"  collection    {url}/collections/{shown.collection.id}")
    typer.echo(f"  process       {url}/processes/control-line-check")
    for left in instance.left_out:
        typer.echo(f"  left out      {left.table}: {left.reason}" + (f" -> {left.remedy}" if left.remedy else ""))


def run(instance: Instance, source: Source, host: str, port: int, workers: int) -> None:
    """Serve until stopped; several workers load the instance for themselves and share one secret."""
    options = {"host": host, "port": port, "log_level": "warning", "server_header": False, "proxy_headers": False}
    if workers == 1:
        uvicorn.run(create_app(instance), **options)  # type: ignore[arg-type]
        return
    os.environ[_SECRET] = os.urandom(32).hex()
    os.environ.update({name: str(value) for name, value in zip(_ENVIRONMENT, source, strict=True) if value is not None})
    uvicorn.run("onemap.cli.serve:worker", factory=True, workers=workers, **options)  # type: ignore[arg-type]


def worker() -> ASGIApp:
    """Return the app of one worker process, from the environment that ``run`` has set."""
    file, root, zone, data = (os.environ.get(name) for name in _ENVIRONMENT)
    secret = bytes.fromhex(os.environ[_SECRET])
    if file:
        return create_app(publish_file(Path(file)), secret)
    return create_app(load_instance(Path(root or "."), zone, Path(data) if data else None), secret)
