"""A batch of all approved projects of the province: partitions against the store, one process, all cores, Spark.

CPU seconds of all processes, and seconds: on a machine that others use too, only the first can be compared.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from onemap.app import load_instance
from onemap.batch import Order, run_local
from onemap.block import Principal
from onemap.catalog import load_codes
from onemap.config import GeoPackageSettings, shipped
from onemap.errors import UnusableParcel
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.model import Context
from onemap.processes.parcels import ParcelDocument
from onemap.store import FeatureQuery
from onemap.store.partitions import MANIFEST, Export, Folder, export
from tests.bench.measure import Server
from tests.bench.peers import HOME

ROOT = Path(__file__).parents[2]
LAYERS = ("xzq", "dltb")
PARCELS = "approved_projects"


@dataclass(frozen=True)
class Cost:
    """What a way of working cost, for so many parcels."""

    name: str
    parcels: int
    cpu_seconds: float
    seconds: float


def table(province: Path) -> str:
    """Return the costs as text; every way gives the same results, byte for byte."""
    costs = measure(province, HOME / f"batch-{province.parent.name}")
    base = costs[0]
    lines = [f"{'':44} {'parcels':>8} {'CPU s':>8} {'s':>8} {'ms CPU/parcel':>14} {'CPU/store':>10}"]
    for cost in costs:
        each = cost.cpu_seconds / cost.parcels * 1e3
        ratio = cost.cpu_seconds / cost.parcels / (base.cpu_seconds / base.parcels)
        figures = f"{cost.parcels:8,} {cost.cpu_seconds:8.1f} {cost.seconds:8.1f} {each:14.1f} {ratio:10.2f}"
        lines.append(f"{cost.name:44} {figures}")
    return "\n".join(lines)


def measure(province: Path, home: Path) -> list[Cost]:
    """Export what is not there yet, and measure."""
    instance = load_instance(ROOT, "business", stores={"province": GeoPackageSettings(path=province)})
    gate = instance.gate
    for name, rows in (*((layer, 10_000) for layer in LAYERS), (PARCELS, 100)):
        folder = Folder(str(home / name))
        if not folder.exists(MANIFEST):
            view = gate.view(Principal(), name)
            export(Export(view, gate.store(view), rows=rows), folder, lambda done, total: None)
    context = Context(gate, Principal(), instance.settings, load_codes(shipped("codes")))
    order = Order(LanduseBreakdown.id, str(home / PARCELS), tuple(str(home / name) for name in LAYERS), "")
    costs = [_timed("one process, the store itself", lambda: _alone(context))]
    for workers in dict.fromkeys((1, os.cpu_count() or 1)):
        there = replace(order, out=str(home / f"out-{workers}"))
        costs.append(_timed(f"onemap batch, {workers} process(es)", lambda there=there, n=workers: _local(there, n)))
    if shutil.which("java"):
        there = replace(order, out=str(home / "out-spark"))
        costs.append(_timed("onemap batch, Spark local[*], start included", lambda: _spark(there)))
    return costs


def _alone(context: Context) -> int:
    """Put each parcel to the process as the server does, one after the other."""
    view = context.gate.view(Principal(), PARCELS)
    uri, count = view.collection.storage.uri, 0
    swapped = view.collection.storage.swapped
    for batch in context.gate.store(view).batches(view, FeatureQuery(limit=10**6, columns=())):
        for key, shape in zip(batch.keys, batch.geometries.tolist(), strict=True):
            place = shapely.geometry.mapping(shapely.transform(shape, np.fliplr) if swapped else shape)
            plain = {"type": "Feature", "id": str(key), "coordRefSys": uri, "geometry": None, "place": _lists(place)}
            with contextlib.suppress(UnusableParcel):
                LanduseBreakdown(parcels=ParcelDocument(plain)).analyse(context)
            count += 1
    return count


def _lists(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _local(order: Order, workers: int) -> int:
    return run_local(order, lambda done, total: None, workers, restart=True).answered


def _spark(order: Order) -> int:
    from onemap.batch.spark import run_spark

    return run_spark(order, lambda done, total: None, "local[*]", restart=True).answered


def _timed(name: str, work: Callable[[], int]) -> Cost:
    server = Server("", os.getpid())
    cpu, began = server.cpu(), time.monotonic()
    parcels = work()
    return Cost(name, parcels, server.cpu() - cpu, time.monotonic() - began)


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
