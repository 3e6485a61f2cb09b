"""Generalised features in PostGIS: written for a grid, drawn with what was edited since, and never out of date."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely

from onemap.app import publish_database
from onemap.block import Principal
from onemap.config import shipped
from onemap.cql import equals
from onemap.errors import ConfigError
from onemap.geo.crs import transform_bounds
from onemap.store import FeatureQuery, View
from onemap.store.postgis import PostgisStore
from onemap.store.postgis.gridding import on_grid
from onemap.store.tiling import Generalised, GeneralisingStore, Grid
from onemap.tiles.engine import Tile, render
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import load_matrix_sets
from tests.conftest import Cluster, settings_of
from tests.decoding import Feature, area, read_layers

SETS = load_matrix_sets(shipped("matrixsets"))
# A field of 8 x 8 squares, side 0.002 degrees; four at a time are one generalised feature.
WEST, SOUTH, STEP, SIDE = 114.001, 30.001, 0.002, 8
TABLE = """
CREATE TABLE field (fid bigint PRIMARY KEY, kind text, size float8, day date, geom geometry(Polygon, 4490));
INSERT INTO field SELECT 1 + x + 8 * y, 'k' || (x + y) % 3, x / 2.0, '2024-02-29',
  ST_MakeEnvelope(114.001 + x * 0.002, 30.001 + y * 0.002, 114.003 + x * 0.002, 30.003 + y * 0.002, 4490)
FROM generate_series(0, 7) x, generate_series(0, 7) y;
CREATE INDEX ON field USING gist (geom);
"""


class Field:
    """The table, its layer, and the store."""

    def __init__(self, dsn: str, table: str = "field", logged: bool = True) -> None:
        self.dsn = dsn
        self.store = PostgisStore(settings_of(dsn), own=True)
        self.store.tables()
        views = publish_database(dsn).gate.views(Principal())
        self.view = next(view for view in views if view.collection.table.name == table)
        if logged:
            self.store.enable_editing(self.view.collection.table)

    def generalise(self, level: str = "12", matrix_set: str = "WebMercatorQuad") -> None:
        """Keep what ``fours`` gives."""
        mark = self.store.mark(self.view)
        made = self.fours()
        self.store.write_generalised(self.view, self.grid(level, matrix_set), iter([made]), mark, {"by": "fours"})

    def fours(self) -> Generalised:
        """Join the squares by fours; the first of the four is the one whose attributes are kept."""
        shapes = {
            int(key): shape
            for batch in self.features()
            for key, shape in zip(batch.keys, batch.geometries, strict=True)
        }
        keys, unions, members = [], [], []
        for x in range(0, SIDE, 2):
            for y in range(0, SIDE, 2):
                four = [1 + x + i + SIDE * (y + j) for j in (0, 1) for i in (0, 1)]
                keys.append(four[0])
                unions.append(shapely.union_all([shapes[key] for key in four]))
                members.append(four)
        return Generalised(keys, np.array(unions), members)

    def features(self) -> Iterator[Any]:
        return self.store.batches(self.view, FeatureQuery(limit=1000))

    def grid(self, level: str, matrix_set: str) -> Grid:
        chosen = SETS[matrix_set]
        return Grid(chosen.crs, chosen.levels[level].origin, chosen.levels[level].width / 4096)

    def tile(self, level: str = "12", matrix_set: str = "WebMercatorQuad", x: float = 0.5, y: float = 0.5) -> Tile:
        """Return the tile with the given part of the field."""
        chosen, end = SETS[matrix_set], STEP * SIDE
        spot = (WEST + x * end, SOUTH + y * end)
        box = transform_bounds((*spot, *spot), SETS["CGCS2000Quad"].crs, chosen.crs)
        assert box is not None
        grid = chosen.levels[level]
        return Tile(
            chosen, grid, int((grid.origin[1] - box[1]) / grid.height), int((box[0] - grid.origin[0]) / grid.width)
        )

    def drawn(self, tile: Tile | None = None, view: View | None = None, **given: Any) -> dict[int, Feature]:
        layer = Layer(view or self.view, self.store, **given)
        layers = read_layers(render(layer, tile or self.tile(), 20_000))
        return {feature.id or 0: feature for feature in layers.get(self.view.collection.id, [])}

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute(statement)

    def refresh(self) -> None:
        """Let the store see the present state of the database, which it else does within a second or two."""
        self.store._content.refresh()


@pytest.fixture
def dsn(cluster: Cluster) -> str:
    address = cluster.fresh()
    with psycopg.connect(address) as connection:
        connection.execute(TABLE)
    return address


@pytest.fixture
def field(dsn: str) -> Iterator[Field]:
    made = Field(dsn)
    made.generalise()
    yield made
    made.store.close()


FOURS = {1 + x + SIDE * y for x in range(0, SIDE, 2) for y in range(0, SIDE, 2)}


def test_coarse_levels_draw_what_is_kept_for_their_grid(field: Field) -> None:
    assert isinstance(field.store, GeneralisingStore)
    told = field.store.generalised(field.view)
    assert {item.grid.crs.srid for item in told} == {3857, 4490}
    for item in told:
        assert (item.features, item.changed, item.stale, item.note) == (16, 0, False, {"by": "fours"})
    found = field.drawn()
    assert found.keys() == FOURS
    assert found[1].properties == {
        "kind": ("string_value", "k0"), "size": ("double_value", 0.0), "day": ("string_value", "2024-02-29"),
    }  # fmt: skip
    assert field.drawn(field.tile("11")).keys() == FOURS
    assert len(field.drawn(field.tile("13"))) == 64  # finer than what is kept
    assert field.drawn(field.tile("11", "CGCS2000Quad")).keys() == FOURS  # written with it
    assert field.drawn(field.tile("10", "WorldCRS84Quad")).keys() == FOURS


def test_shapes_on_their_own_grid_are_drawn_as_they_are(field: Field) -> None:
    """Inside a tile as well as across its border, and the same at both sides of it."""
    field.generalise("12", "WebMercatorQuad")
    field.generalise("11", "CGCS2000Quad")
    for level, matrix_set in (("12", "WebMercatorQuad"), ("11", "CGCS2000Quad")):
        tile = field.tile(level, matrix_set)
        shapes = {key: feature.shape for key, feature in field.drawn(tile).items()}
        assert all(shape.is_valid and not shape.is_empty for shape in shapes.values())
        assert all(area(feature.paths[0]) > 0 for feature in field.drawn(tile).values())
        wanted = on_grid(
            np.array([shapely.box(WEST, SOUTH, WEST + STEP * SIDE, SOUTH + STEP * SIDE)]),
            field.view.collection.storage,
            field.grid(level, matrix_set),
        )[0]
        moved = shapely.transform(wanted, lambda xy: xy - [tile.col * 4096, tile.row * 4096])  # noqa: B023
        assert shapely.union_all(list(shapes.values())).equals(shapely.clip_by_rect(moved, -64, -64, 4160, 4160))


def test_edits_are_drawn_at_once(field: Field) -> None:
    """Without a moment for the store to notice: the statement looks up the log in its own snapshot."""
    field.execute("UPDATE field SET kind = 'new' WHERE fid = 10")
    found = field.drawn()
    # The four that 10 is part of are drawn apart, with their own attributes; the other fours stay together.
    assert found.keys() == FOURS | {2, 9, 10}
    assert found[10].properties["kind"] == ("string_value", "new")
    assert found[1].shape.area < found[3].shape.area / 3
    field.execute("DELETE FROM field WHERE fid = 1")
    assert field.drawn().keys() == (FOURS | {2, 9, 10}) - {1}
    field.execute("INSERT INTO field SELECT 99, 'far', 1, NULL, ST_MakeEnvelope(114.02, 30.001, 114.024, 30.005, 4490)")
    assert 99 in field.drawn()
    field.execute("UPDATE field SET geom = ST_Translate(geom, 0, 10) WHERE fid = 99")
    assert 99 not in field.drawn()
    field.refresh()
    assert {(told.changed, told.stale) for told in field.store.generalised(field.view)} == {(3, False)}


def test_an_open_transaction_counts_when_it_commits(field: Field) -> None:
    with psycopg.connect(field.dsn) as connection:
        connection.execute("UPDATE field SET kind = 'late' WHERE fid = 1")
        field.generalise()
        assert field.drawn()[1].properties["kind"] == ("string_value", "k0")
    assert field.drawn()[1].properties["kind"] == ("string_value", "late")
    assert field.drawn().keys() == FOURS | {2, 9, 10}


def test_made_anew_they_hold_what_was_edited(field: Field) -> None:
    field.execute("UPDATE field SET kind = 'new' WHERE fid = 1")
    field.generalise()
    assert field.drawn().keys() == FOURS
    assert field.drawn()[1].properties["kind"] == ("string_value", "new")
    assert [told.changed for told in field.store.generalised(field.view)] == [0, 0]


def test_tiles_are_drawn_while_they_are_made_anew(field: Field) -> None:
    seen = []

    def batches() -> Iterator[Generalised]:
        yield field.fours()
        seen.append(field.drawn().keys())

    grid, mark = field.grid("12", "WebMercatorQuad"), field.store.mark(field.view)
    field.store.write_generalised(field.view, grid, batches(), mark, {})
    assert seen == [FOURS]
    assert [told.note for told in field.store.generalised(field.view)] == [{}, {}]


def test_a_filter_is_answered_from_the_features_themselves(field: Field) -> None:
    assert field.drawn(filter=equals("kind", "k1")).keys() == {
        1 + x + SIDE * y for x in range(SIDE) for y in range(SIDE) if (x + y) % 3 == 1
    }
    hidden = replace(field.view, rows=equals("kind", "k1"))
    assert field.drawn(view=hidden).keys() == field.drawn(filter=equals("kind", "k1")).keys()
    assert field.drawn(names=("size",))[1].properties.keys() == {"size"}


def stale_soon(field: Field) -> bool:
    """Whether all tables are stale: without a log the counters of the database tell, a moment after the session."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        field.refresh()
        if [told.stale for told in field.store.generalised(field.view)] == [True, True]:
            return True
        time.sleep(0.05)
    return False


def test_what_no_log_tells_makes_them_stale(dsn: str) -> None:
    field = Field(dsn, logged=False)
    field.generalise()
    assert field.drawn().keys() == FOURS
    field.execute("UPDATE field SET kind = 'new' WHERE fid = 10")
    assert stale_soon(field)
    assert len(field.drawn()) == 64
    field.generalise()
    assert field.drawn().keys() == FOURS
    field.store.close()


def test_a_truncated_table_makes_them_stale(field: Field) -> None:
    field.execute("TRUNCATE field")
    field.refresh()
    assert [told.stale for told in field.store.generalised(field.view)] == [True, True]
    assert field.drawn() == {}


def test_a_server_that_runs_sees_them_come_and_go(field: Field) -> None:
    other = Field(field.dsn)
    assert other.drawn().keys() == FOURS
    field.store.drop_generalised(field.view)
    # It does not know yet: the statement fails, and the features themselves are drawn.
    assert len(other.drawn()) == 64
    field.generalise()
    other.refresh()
    assert other.drawn().keys() == FOURS
    field.store.drop_generalised(field.view)
    with psycopg.connect(field.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'onemap_tiles'").fetchone()
    assert row == (1,)
    other.store.close()


def test_keys_of_any_kind(dsn: str) -> None:
    """The collection names its features by a text, the log by the primary key."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "CREATE TABLE named (name text PRIMARY KEY, geom geometry(Polygon, 4490));"
            "INSERT INTO named SELECT 'n''\"' || fid, geom FROM field; CREATE INDEX ON named USING gist (geom)"
        )
    field = Field(dsn, "named")
    shapes = {
        str(key): shape for batch in field.features() for key, shape in zip(batch.keys, batch.geometries, strict=True)
    }
    keys = sorted(shapes)
    made = Generalised(keys[:1], np.array([shapely.union_all(list(shapes.values()))]), [keys])
    field.store.write_generalised(
        field.view, field.grid("12", "WebMercatorQuad"), [made], field.store.mark(field.view), {}
    )
    layer = Layer(field.view, field.store)
    assert len(read_layers(render(layer, field.tile(), 20_000))["named"]) == 1
    field.execute("""UPDATE named SET geom = ST_Translate(geom, 1, 0) WHERE name = 'n''"7'""")
    assert len(read_layers(render(layer, field.tile(), 20_000))["named"]) == 63
    field.store.close()


def test_readers_of_the_layer_may_read_them(field: Field, cluster: Cluster) -> None:
    field.execute("DROP ROLE IF EXISTS onemap_reader")
    field.execute("CREATE ROLE onemap_reader LOGIN; GRANT SELECT ON field TO onemap_reader")
    field.execute(
        "GRANT USAGE ON SCHEMA onemap TO onemap_reader; GRANT SELECT ON ALL TABLES IN SCHEMA onemap TO onemap_reader"
    )
    field.generalise()
    reader = PostgisStore(settings_of(field.dsn.replace("postgres@", "onemap_reader@")))
    reader.tables()
    layers = read_layers(render(Layer(field.view, reader), field.tile(), 20_000))
    assert len(layers["field"]) == 16
    with pytest.raises(ConfigError):
        reader.write_generalised(field.view, field.grid("12", "WebMercatorQuad"), [], reader.mark(field.view), {})
    reader.close()
    field.execute("DROP OWNED BY onemap_reader; DROP ROLE onemap_reader")


def test_what_is_no_table_is_not_generalised(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE VIEW seen AS SELECT * FROM field")
    field = Field(dsn, "seen", logged=False)
    with pytest.raises(ConfigError, match="no table"):
        field.store.write_generalised(
            field.view, field.grid("12", "WebMercatorQuad"), [], field.store.mark(field.view), {}
        )
    field.store.close()


def test_projected_tables_keep_longitudes_and_latitudes_beside(cluster: Cluster) -> None:
    address = cluster.fresh()
    with psycopg.connect(address) as connection:
        connection.execute(TABLE)
        connection.execute(
            "ALTER TABLE field ALTER COLUMN geom TYPE geometry(Polygon, 4526) USING ST_Transform(geom, 4526)"
        )
    plain = Field(address)
    tiles = [
        plain.tile(level, name)
        for level, name in (("10", "WebMercatorQuad"), ("14", "WebMercatorQuad"), ("12", "CGCS2000Quad"))
    ]
    before = [plain.drawn(tile) for tile in tiles]
    plain.store.prepare_tiles(plain.view.collection)
    prepared = Field(address)
    assert not [left for left in prepared.store.tables()[1] if left.table == "field"]
    for tile, wanted in zip(tiles, before, strict=True):
        found = prepared.drawn(tile)
        assert found.keys() == wanted.keys() != set()
        for key, feature in found.items():
            assert shapely.hausdorff_distance(feature.shape, wanted[key].shape) <= 1.5
            assert feature.properties == wanted[key].properties
    prepared.execute("UPDATE field SET geom = ST_Translate(geom, 0, 5000) WHERE fid = 1")
    assert 1 in prepared.drawn(prepared.tile("14", y=2.8))
    collection = prepared.view.collection
    with pytest.raises(ConfigError, match="need no other column"):
        prepared.store.prepare_tiles(replace(collection, storage=SETS["CGCS2000Quad"].crs))
    assert prepared.store.tile_preparation(collection) == ()
    prepared.store.prepare_tiles(collection, undo=True)
    again = Field(address)
    assert again.drawn(tiles[0]).keys() == before[0].keys()
    assert len(again.store.tile_preparation(again.view.collection)) == 3
    again.store.close()
    plain.store.close()
    prepared.store.close()
