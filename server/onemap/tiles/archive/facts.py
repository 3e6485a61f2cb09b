"""What is said of an archive: to everybody inside it, and to this instance beside it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from onemap import __version__
from onemap.errors import ConfigError
from onemap.geo.crs import Bounds, outward
from onemap.tiles.archive.plan import LevelPlan
from onemap.tiles.archive.writer import About
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.tilesets import TileSet

_TYPES = {"integer": "Number", "number": "Number", "boolean": "Boolean"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the cache must know to use an archive.

    ``archive``: the identifier of the archive that this is about. ``family``: what its tiles were made with; ``view``:
    for whom. ``position``: that of the store, up to which the tiles have its changes. ``levels``: by identifier the
    zoom in the archive, first and last row, first and last column, and whether it is an overview.
    """

    archive: str
    family: str
    view: str
    store: str
    table: str
    srid: int
    position: str
    levels: dict[str, tuple[int, int, int, int, int, bool]]

    def write(self, path: Path) -> None:
        """Write the facts beside an archive."""
        beside = facts_path(path)
        fresh = beside.with_name(beside.name + ".new")
        try:
            fresh.write_bytes(orjson.dumps(self))
            fresh.replace(beside)
        except OSError as error:
            raise ConfigError(f"{beside} cannot be written: {error.strerror}.") from None

    @classmethod
    def read(cls, path: Path) -> Facts:
        """Return the facts beside an archive. Raises ConfigError."""
        beside = facts_path(path)
        try:
            found = orjson.loads(beside.read_bytes())
            levels = {name: tuple(values) for name, values in found.pop("levels").items()}
            return cls(**found, levels=levels)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(f"{beside} cannot be read: {error}.") from None


def facts_path(path: Path) -> Path:
    """Return where the facts about an archive are."""
    return path.with_name(path.name + ".json")


def seed_path(folder: Path, zone: str, collection: str, matrix_set: str) -> Path:
    """Return where the seeded archive of a collection on a tile matrix set belongs."""
    return folder / f"tiles-{zone}" / collection / f"{matrix_set}.pmtiles"


def about(layer: Layer, tileset: TileSet, levels: Sequence[LevelPlan], bounds: Bounds | None) -> About:
    """Return what everybody is told of an archive; titles are in Chinese, as in the data."""
    collection, grid = layer.view.collection, tileset.matrix_set
    low, high = levels[0].zoom, levels[-1].zoom
    box = _box(tileset.box, bounds)
    fields = {field.name: _TYPES.get(field.type, "String") for field in layer.columns}
    title = collection.title.get("zh")
    drawn = {"id": collection.id, "description": title, "minzoom": low, "maxzoom": high, "fields": fields}
    metadata: dict[str, Any] = {
        "name": title,
        "description": collection.description.get("zh"),
        "attribution": collection.attribution,
        "type": "overlay",
        "version": "1",
        "format": "pbf",
        "generator": f"OneMap {__version__}",
        "vector_layers": [drawn, drawn | {"id": collection.label_layer}] if collection.tiles.labels else [drawn],
        "onemap": {
            "id": secrets.token_hex(12),
            "collection": collection.id,
            "tileMatrixSet": grid.id,
            "crs": grid.crs.uri,
            "tileMatrices": {plan.level.id: plan.zoom for plan in levels},
            "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return About(metadata, low, high, box, middle, min(low + 2, high))


def facts(told: About, layer: Layer, levels: Sequence[LevelPlan], family: str, position: str) -> Facts:
    """Return what the cache must know of an archive."""
    collection = layer.view.collection
    return Facts(
        archive=told.metadata["onemap"]["id"],
        family=family,
        view=layer.view.digest,
        store=collection.store,
        table=collection.table.name,
        srid=collection.storage.srid,
        position=position,
        levels={plan.level.id: _level(plan) for plan in levels},
    )


def is_web_mercator(grid: TileMatrixSet) -> bool:
    """Whether other programs read the zooms of an archive on this grid as those of the web."""
    return grid.id == "WebMercatorQuad"


def _level(plan: LevelPlan) -> tuple[int, int, int, int, int, bool]:
    limits = plan.limits
    return plan.zoom, limits.min_row, limits.max_row, limits.min_col, limits.max_col, plan.overview


def _box(data: Bounds | None, asked: Bounds | None) -> Bounds:
    west, south, east, north = outward(data) if data else (-180.0, -90.0, 180.0, 90.0)
    if asked is not None:
        west, south, east, north = (
            max(west, asked[0]), max(south, asked[1]), min(east, asked[2]), min(north, asked[3]),
        )  # fmt: skip
    return west, south, east, north
