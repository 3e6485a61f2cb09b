"""Jobs of very many parcels: group by group, with hands or without, to the same end; no hand is missed."""

from __future__ import annotations

import math
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import shapely

from onemap.block import Principal
from onemap.block.caller import Caller, set_caller
from onemap.catalog import load_codes
from onemap.cli.serve import Source
from onemap.config import shipped
from onemap.errors import ClientGone
from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, crs_from_srid
from onemap.processes.accounts.once import touched
from onemap.processes.control_lines import ControlLineCheck
from onemap.processes.farmland import FarmlandChange
from onemap.processes.hits import hits_of
from onemap.processes.jobs.hand import Done, Errand
from onemap.processes.jobs.hands import WORTH, Hands
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.layers import Layer
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import ParcelProcess
from onemap.processes.parcels import Parcel, ParcelDocument, ParcelSet
from onemap.processes.project import Plane, Project
from onemap.processes.spread import in_one_state
from tests.conftest import ROOT, Cluster
from tests.errands import columns, fail_elsewhere, linger, whose
from tests.jobs import alive, until
from tests.synthetic import blob

COMMAND = (sys.executable, "-m", "onemap.cli.hand")
CRS = crs_from_srid(4526)
COUNT = 400


@pytest.fixture(scope="module", params=["geopackage", "postgis"])
def source(request: pytest.FixtureRequest, data: Path) -> Source:
    """The demo, from either store."""
    if request.param == "geopackage":
        return Source(None, ROOT, "business", data)
    cluster: Cluster = request.getfixturevalue("cluster")
    return Source(None, ROOT, "business", data, (f"province={cluster.copy(data / 'demo' / 'province.gpkg')}",))


def context_of(source: Source) -> Context:
    instance = source.instance()
    return Context(instance.gate, Principal("li"), instance.settings, load_codes(shipped("codes")))


@pytest.fixture(scope="module")
def context(source: Source) -> Context:
    return context_of(source)


@pytest.fixture(scope="module")
def one(source: Source) -> Iterator[Hands]:
    """A hand that begins when it is first asked."""
    hands = hands_of(source, 1)
    yield hands
    hands.close()


@pytest.fixture(scope="module")
def two(source: Source, context: Context) -> Iterator[Hands]:
    """Two hands that are ready."""
    with_hands = hands_of(source, 2)
    ready(with_hands, context)
    yield with_hands
    with_hands.close()


def hands_of(source: Source, count: int) -> Hands:
    return Hands(COMMAND, count, source.environment())


def ready(hands: Hands, context: Context) -> None:
    """Wait until all hands do their part."""
    spread = hands.spread(context.principal)
    until(lambda: len({*spread(whose, layer(context, "dltb"), range(16))} - {os.getpid()}) == hands._count)


def layer(context: Context, name: str) -> Layer:
    view = context.gate.view(context.principal, name)
    return Layer(view, context.gate.store(view), context.spread)


@pytest.fixture(scope="module")
def shapes(context: Context) -> list[shapely.Geometry]:
    """Parcels of some hectares all over the province and a little beyond, some of which overlap each other."""
    dltb = layer(context, "dltb")
    west, south, east, north = dltb.store.extent(dltb.view) or (0.0, 0.0, 0.0, 0.0)
    places = np.random.default_rng(7).uniform((west - 500, south), (east, north), (COUNT, 2)).tolist()
    return [blob(x, y, 60.0, 60, seed) for seed, (x, y) in enumerate(places)]


@pytest.fixture(scope="module")
def document(shapes: list[shapely.Geometry]) -> ParcelDocument:
    features = [
        {"type": "Feature", "id": str(at), "geometry": None, "properties": {},
         "place": {"type": "Polygon", "coordinates": [[[y, x] for x, y in shape.exterior.coords]]}}
        for at, shape in enumerate(shapes)
    ]  # fmt: skip
    return ParcelDocument({"type": "FeatureCollection", "coordRefSys": CRS.uri, "features": features})


def plane_of(shapes: list[shapely.Geometry], crs: Crs = CRS) -> Plane:
    made = tuple(Parcel(index, None, None, shape) for index, shape in enumerate(shapes))
    plane = Project(ParcelSet(made, CRS, CRS, (0.0,) * len(made), 0.0)).plane(crs)
    assert plane is not None
    return plane


def at_once(plane: Plane) -> Plane:
    """The same project as one group."""
    made = Plane(plane.crs, plane.geometry, plane.area)
    vars(made)["groups"] = [made]
    return made


def test_groups_are_all_of_the_project(shapes: list[shapely.Geometry]) -> None:
    plane = plane_of(shapes)
    assert len(plane.groups) >= WORTH
    assert math.fsum(group.area for group in plane.groups) == pytest.approx(plane.area, rel=1e-12)
    parts = sorted(part.wkb for group in plane.groups for part in shapely.get_parts(group.geometry))
    assert parts == sorted(part.wkb for part in shapely.get_parts(plane.geometry))
    boxes = [shapely.box(*group.geometry.bounds).area for group in plane.groups]
    assert sum(boxes) < 1.5 * shapely.box(*plane.geometry.bounds).area, "near each other"
    few = plane_of(shapes[:100])
    assert few.groups == [few]


@pytest.mark.parametrize("name", ["dltb", "yjjbnttb", "stbhhx"])
def test_groups_come_to_what_the_whole_does(context: Context, shapes: list[shapely.Geometry], name: str) -> None:
    one = layer(context, name)
    plane = plane_of(shapes, one.collection.storage)
    found, whole = hits_of(one, plane), hits_of(one, at_once(plane))
    assert found.ids.tolist() == whole.ids.tolist()
    assert found.areas.tolist() == pytest.approx(whole.areas.tolist(), rel=1e-9, abs=1e-6)
    assert found.area == pytest.approx(whole.area, rel=1e-9)
    assert found.notes == whole.notes


def test_the_accounts_of_groups_are_those_of_the_whole(context: Context, shapes: list[shapely.Geometry]) -> None:
    plane, dltb = plane_of(shapes), layer(context, "dltb")
    found, whole = touched(dltb, plane), touched(dltb, at_once(plane))
    assert found.ids.tolist() == whole.ids.tolist()
    assert found.areas.tolist() == pytest.approx(whole.areas.tolist(), rel=1e-9, abs=1e-6)
    assert found.whole.tolist() == whole.whole.tolist()
    assert found.notes == whole.notes
    pieces = found.cut()
    assert shapely.is_valid(pieces).all()
    assert measure_for(4526).areas(pieces).tolist() == pytest.approx(found.areas.tolist(), rel=1e-7, abs=1e-4)
    features = dltb.store.overlay_source(dltb.view).geometries(found.ids)
    inside = shapely.intersection(plane.geometry, shapely.union_all(features))
    assert math.fsum(found.areas.tolist()) == pytest.approx(measure_for(4526).area(inside), rel=1e-9)


@pytest.mark.parametrize(
    ("process", "layers"),
    [(LanduseBreakdown, None), (ControlLineCheck, ["yjjbnttb", "stbhhx", "czkfbj"]), (FarmlandChange, None)],
)
def test_hands_change_no_byte(
    context: Context, one: Hands, two: Hands, document: ParcelDocument, process: Any, layers: list[str] | None
) -> None:
    question = process(parcels=document, layers=layers)
    alone = analysed(question, context)
    assert [analysed(question, replace(context, spread=hands.spread(context.principal))) for hands in (one, two)] == [
        alone, alone,
    ]  # fmt: skip


def analysed(question: ParcelProcess, context: Context) -> tuple[bytes, list[Any]]:
    """The result and the pieces as bytes."""
    found = question.analyse(context)
    pieces = [(cut.areas.tobytes(), shapely.to_wkb(cut.geometries).tolist()) for cut in found.pieces()]
    return orjson.dumps(found.result), pieces


def test_small_work_starts_no_hand(context: Context, source: Source, document: ParcelDocument) -> None:
    hands = hands_of(source, 2)
    few = ParcelDocument({**document.data, "features": document.data["features"][:100]})
    LanduseBreakdown(parcels=few).analyse(replace(context, spread=hands.spread(context.principal)))
    done = hands.spread(context.principal)(whose, layer(context, "dltb"), range(WORTH - 1))
    assert {*done} == {os.getpid()}
    assert hands.processes == []


def test_a_hand_sees_what_the_principal_sees(context: Context, two: Hands) -> None:
    dltb = layer(context, "dltb")
    seen = two.spread(context.principal)(columns, dltb, range(16))
    assert {process for process, _, _ in seen} == {os.getpid(), *two.processes}
    assert [part for _, _, part in seen] == list(range(16))
    assert all(names == [field.name for field in dltb.view.columns] for _, names, _ in seen)


def test_a_hand_for_which_the_layer_is_another_does_nothing(data: Path, tmp_path: Path) -> None:
    """Asked by one who sees the demo: hands of a zone that hides the layer, of older data, and of the same."""
    copied = tmp_path / "province.gpkg"
    shutil.copy(data / "demo" / "province.gpkg", copied)
    change(copied, "stbhhx", "2020-01-01")
    business = Source(None, ROOT, "business", data)
    sees = context_of(business)
    asked = layer(sees, "stbhhx")
    errand = Errand(whose, 0, sees.principal, asked.view, asked.store.version(asked.collection))
    assert asked.collection.level != "P"
    assert [answered(other, errand).failed for other in (
        replace(business, zone="internet"), replace(business, stores=(f"province={copied}",)), business,
    )] == [True, True, False]  # fmt: skip


def change(path: Path, table: str, day: str) -> None:
    """Have a table of a GeoPackage changed last on a day."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?", [f"{day}T00:00:00Z", table])
    connection.close()


def answered(source: Source, errand: Errand) -> Done:
    """What a hand says to an errand."""
    environment = {**os.environ, **source.environment()}
    with subprocess.Popen(COMMAND, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hand:
        assert hand.stdin is not None
        assert hand.stdout is not None
        assert pickle.load(hand.stdout) == Done()
        hand.stdin.write(pickle.dumps(errand))
        hand.stdin.flush()
        done: Done = pickle.load(hand.stdout)
    assert hand.returncode == 0, "it ends when nothing more can come"
    return done


def test_what_a_hand_cannot_do_is_done_here(context: Context, two: Hands) -> None:
    ready(two, context)
    spread = two.spread(context.principal)
    assert spread(fail_elsewhere, layer(context, "dltb"), [os.getpid()] * 12) == [os.getpid()] * 12
    with pytest.raises(ValueError, match="cannot"):
        spread(fail_elsewhere, layer(context, "dltb"), [0] * 12)


def test_a_hand_that_is_killed_loses_nothing(context: Context, two: Hands) -> None:
    ready(two, context)
    before = two.processes
    threading.Timer(0.2, os.kill, (before[0], signal.SIGKILL)).start()
    found = two.spread(context.principal)(columns, layer(context, "dltb"), range(40))
    assert [part for _, _, part in found] == list(range(40))
    until(lambda: before[0] not in two.processes)
    ready(two, context)
    assert len({*two.processes} - {*before}) == 1


@pytest.mark.parametrize("deaf", [False, True])
def test_who_leaves_is_soon_gone(context: Context, two: Hands, tmp_path: Path, deaf: bool) -> None:
    """Hands that do not look up are ended, others go on with the next errand."""
    ready(two, context)
    before, caller, raised = two.processes, Caller(), []

    def ask() -> None:
        set_caller(caller)
        with pytest.raises(ClientGone):
            two.spread(context.principal)(linger, layer(context, "dltb"), [(tmp_path, os.getpid(), deaf)] * 8)
        raised.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: len(list(tmp_path.iterdir())) == 3)
    caller.gone, left = True, time.monotonic()
    thread.join()
    assert raised[0] - left < 2.0
    until(lambda: all(alive(process) != deaf for process in before), 5.0)
    ready(two, context)
    assert ({*two.processes} == {*before}) != deaf


@pytest.mark.parametrize(("changes", "calls"), [(0, [1, 2]), (1, [1, 2, 1, 2]), (99, [1, 2, 1, 2, 1, 2, 0])])
def test_parts_are_of_one_version(data: Path, tmp_path: Path, changes: int, calls: list[int]) -> None:
    """Where the data change while the parts are worked on, all are again, at last the whole."""
    copied, done = tmp_path / "province.gpkg", list[int]()
    shutil.copy(data / "demo" / "province.gpkg", copied)

    def work(_: Layer, part: int) -> int:
        done.append(part)
        if part == 2 and len(done) <= 2 * changes:
            change(copied, "dltb", f"2020-01-0{len(done)}")
        return part

    dltb = layer(context_of(Source(None, ROOT, "business", data, (f"province={copied}",))), "dltb")
    assert in_one_state(work, dltb, [1, 2], 0) == calls[-2 if calls[-1] else -1 :]
    assert done == calls
