"""Packs from PostGIS, and generalised features made for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import shapely

from onemap.app import publish_database
from onemap.catalog import Collection
from onemap.catalog.model import Tiling
from onemap.geo.crs import WEB_MERCATOR
from onemap.store import FeatureQuery, View
from onemap.store.postgis import PostgisStore
from onemap.store.writing import Edit
from onemap.tiles.engine import frame
from onemap.tiles.pack.build import build, whole_view
from onemap.tiles.pack.builder import packed, plan
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.source import PackSource
from onemap.tiles.pack.tables import keep_generalised
from tests.conftest import Cluster, settings_of
from tests.packed import MOST, SIDE, decoded, middle, opened, write
from tests.synthetic import coverage

COVER = Tiling(coverage=True, class_field="class")


@dataclass
class Copy:
    """The same coverage in both stores."""

    store: PostgisStore
    collection: Collection
    folder: Path

    @property
    def view(self) -> View:
        return View(self.collection, self.collection.fields)


@pytest.fixture
def copied(cluster: Cluster, tmp_path: Path) -> Copy:
    path = write(tmp_path / "cover.gpkg", "cover", "POLYGON", 4547, coverage(1500, 11, 4547, SIDE))
    postgis = cluster.copy(path)
    store = PostgisStore(settings_of(postgis), own=True)
    store.tables()
    found = next(item for item in publish_database(postgis).registry if item.table.name == "cover")
    store.enable_editing(found.table)
    return Copy(store, replace(found, tiles=COVER), tmp_path)


def test_a_pack_from_a_database_draws_what_one_from_a_file_does(copied: Copy) -> None:
    path = copied.folder / "cover.pack"
    build(copied.store, plan(copied.collection), path)
    source = PackSource(Pack(path, copied.collection), copied.store, copied.collection)
    other = opened(copied.folder / "cover.gpkg", "cover", copied.folder / "derived", COVER)
    other.build()
    for zoom in (9, 12, 14):
        tile = middle(other, zoom)
        body = source.tile(copied.view, frame(copied.view, tile, MOST), FeatureQuery(limit=MOST))
        assert body is not None
        ours, theirs = decoded(body, copied.collection.id), other.drawn(tile, other.source())
        assert ours.keys() == theirs.keys()
        assert {key: shape.wkt for key, (shape, _) in ours.items()} == {
            key: shape.wkt for key, (shape, _) in theirs.items()
        }
    tile = middle(other, 14)
    key = next(iter(other.drawn(tile, other.source())))
    copied.store.edit(copied.view, [Edit("update", str(key), {"name": "edited"})])
    body = source.tile(copied.view, frame(copied.view, tile, MOST), FeatureQuery(limit=MOST))
    assert body is not None
    assert decoded(body, copied.collection.id)[key][1]["name"] == "edited"
    assert not packed(copied.collection, copied.store)
    assert packed(replace(copied.collection, tiles=Tiling(pack=True)), copied.store)


def test_generalised_features_are_kept_in_the_database(copied: Copy) -> None:
    reports = list(keep_generalised(copied.store, plan(copied.collection), 12, 9))
    assert [report.zoom for report in reports] == [12, 11, 10, 9]
    tables = copied.store.generalised(whole_view(copied.collection))
    of_web = [table.features for table in tables if table.grid.crs.srid == WEB_MERCATOR.srid]
    assert of_web == [report.features for report in reports]
    other = opened(copied.folder / "cover.gpkg", "cover", copied.folder / "derived", COVER)
    tile = middle(other, 9)
    body = copied.store.tile(copied.view, frame(copied.view, tile, MOST), FeatureQuery(limit=MOST))
    assert body is not None
    drawn = decoded(body, copied.collection.id)
    assert 10 < len(drawn) < 1000
    covered = shapely.union_all([shape for shape, _ in drawn.values()])
    assert all(
        shapely.Polygon(ring).area < 40 for part in shapely.get_parts(covered).tolist() for ring in part.interiors
    )
    assert list(keep_generalised(copied.store, plan(copied.collection), 12, 9, drop=True)) == []
    assert copied.store.generalised(whole_view(copied.collection)) == ()
