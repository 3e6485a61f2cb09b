"""Layers that are drawn both from their store and from a pack."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.app import publish_file
from onemap.catalog import Collection
from onemap.catalog.model import Tiling
from onemap.config import shipped
from onemap.geo.crs import transform_bounds
from onemap.store import FeatureQuery, View
from onemap.store.geopackage import GeoPackageStore
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from onemap.tiles.engine import Tile, frame, render
from onemap.tiles.generalise import Report
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import load_matrix_sets
from onemap.tiles.pack.build import build
from onemap.tiles.pack.builder import plan
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.source import PackSource
from tests.synthetic import blob

SETS = load_matrix_sets(shipped("matrixsets"))
MOST = 20_000
ORIGIN = {4490: (114.0, 30.5, 1e-5), 4547: (500_000.0, 3_375_000.0, 1.0)}
KINDS = {"land": "MULTIPOLYGON", "roads": "MULTILINESTRING", "sites": "MULTIPOINT", "mixed": "GEOMETRY"}
FIELDS = (
    FieldSpec("class", "TEXT(4)"), FieldSpec("name", "TEXT(20)"), FieldSpec("floors", "INTEGER"),
    FieldSpec("area", "REAL"), FieldSpec("open", "BOOLEAN"),
)  # fmt: skip
SIDE = 20_000.0
Geometries = NDArray[np.object_]
Drawn = dict[int, tuple[shapely.Geometry, dict[str, Any]]]


def made(kind: str, srid: int, count: int = 500) -> Geometries:
    rng = np.random.default_rng(7)
    maker: Callable[..., shapely.Geometry]
    makers = [_land, _roads, _sites]
    maker_of = {"land": [_land], "roads": [_roads], "sites": [_sites], "mixed": makers}[kind]
    shapes = []
    for at in range(count):
        maker = maker_of[at % len(maker_of)]
        shapes.append(maker(rng, rng.uniform(-60_000, 60_000, 2), 10 ** rng.uniform(0.8, 4.3)))
    x, y, unit = ORIGIN[srid]
    return np.asarray(shapely.transform(np.array(shapes, dtype=object), lambda xy: xy * unit + [x, y]), dtype=object)


def _land(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    body = blob(centre[0], centre[1], size, int(rng.integers(8, 80)), int(rng.integers(1000)))
    holes = [blob(*(centre + offset * size), size / 8, 10, 1) for offset in rng.uniform(-0.5, 0.5, (2, 2))]
    island = blob(centre[0] + 1.7 * size, centre[1], size / 5, 12, 2)
    return shapely.union_all([shapely.difference(body, shapely.union_all(holes)), island])


def _roads(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    runs = [np.cumsum(rng.normal(0, size / 6, (int(rng.integers(2, 50)), 2)), axis=0) for _ in range(2)]
    return shapely.MultiLineString([centre + run for run in runs])


def _sites(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    return shapely.MultiPoint(centre + rng.normal(0, size, (int(rng.integers(1, 5)), 2)))


def values(count: int) -> dict[str, list[object]]:
    return {
        "class": [f"0{at % 7}01" if at % 5 else None for at in range(count)],
        "name": [f"第{at}号" for at in range(count)],
        "floors": [at % 40 - 3 for at in range(count)],
        "area": [at * 1.5 for at in range(count)],
        "open": [at % 3 == 0 for at in range(count)],
    }


def write(path: Path, table: str, kind: str, srid: int, geometries: Geometries) -> Path:
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec(table, kind, srid, FIELDS))
        writer.insert(table, geometries, values(len(geometries)))
        writer.finish(table, "2026-01-01T00:00:00.000Z")
    return path


@dataclass
class Layers:
    """A layer read from its store and from a pack of it."""

    store: GeoPackageStore
    collection: Collection
    folder: Path

    @property
    def view(self) -> View:
        return View(self.collection, self.collection.fields)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.collection.id}.pack"

    def build(self) -> list[Report]:
        return build(self.store, plan(self.collection), self.path)

    def source(self) -> PackSource:
        return PackSource(Pack(self.path, self.collection), self.store, self.collection)

    def drawn(self, tile: Tile, source: PackSource | None, **asked: Any) -> Drawn:
        if source is None:
            return decoded(render(Layer(self.view, self.store, **asked), tile, MOST), self.collection.id)
        body = source.tile(self.view, frame(self.view, tile, MOST), FeatureQuery(limit=MOST, **asked))
        assert body is not None
        return decoded(body, self.collection.id)

    def tiles(self, name: str, zoom: int, count: int, seed: int = 1) -> Iterator[Tile]:
        chosen = SETS[name]
        level = list(chosen.levels.values())[zoom]
        extent = self.store.extent(self.view)
        assert extent is not None
        shapes = self.store.within(self.view, extent, 0.0, FeatureQuery(limit=MOST)).geometries
        draw = random.Random(seed * 100 + zoom)
        for _ in range(count):
            place = shapes[draw.randrange(len(shapes))].bounds[:2]
            bounds = transform_bounds((*place, *place), self.collection.storage, chosen.crs)
            assert bounds is not None
            limits = level.limits(bounds)
            assert limits is not None
            yield Tile(chosen, level, limits.min_row, limits.min_col)


def decoded(body: bytes, name: str) -> Drawn:
    if not body:
        return {}
    layer = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True, "geojson": True})[name]
    found = [(item["id"], (shapely.geometry.shape(item["geometry"]), item["properties"])) for item in layer["features"]]
    assert len(dict(found)) == len(found)
    return dict(found)


def opened(path: Path, table: str, folder: Path, tiles: Tiling | None = None) -> Layers:
    folder.mkdir(exist_ok=True)
    found = publish_file(path).registry.get(table)
    assert found is not None
    return Layers(GeoPackageStore(path, own=True), replace(found, tiles=tiles or Tiling()), folder)


def middle(layers: Layers, zoom: int) -> Tile:
    """Return the tile of Web Mercator in which the middle of the layer lies."""
    extent = layers.store.extent(layers.view)
    assert extent
    x, y = (extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2
    chosen = SETS["WebMercatorQuad"]
    level = list(chosen.levels.values())[zoom]
    bounds = transform_bounds((x, y, x, y), layers.collection.storage, chosen.crs)
    assert bounds
    limits = level.limits(bounds)
    assert limits
    return Tile(chosen, level, limits.min_row, limits.min_col)


def square(layers: Layers, x: float, y: float, side: float) -> shapely.Polygon:
    """Return a square around a place given in metres from the corner of the coverage."""
    extent = layers.store.extent(layers.view)
    assert extent
    unit = (extent[2] - extent[0]) / SIDE
    low_x, low_y = extent[0] + x * unit, extent[1] + y * unit
    return shapely.box(low_x, low_y, low_x + side * unit, low_y + side * unit)
