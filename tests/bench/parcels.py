"""One request with 2,000 parcels: what it costs, and what a plot waits for beside it.

"plot" is the 95th percentile of the time that the same process takes for a plot of 10 ha meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from onemap.app import load_instance
from onemap.block import Principal
from onemap.catalog import load_codes
from onemap.config import GeoPackageSettings, shipped
from onemap.processes import built_in
from onemap.processes.execute import parse_execution, perform
from onemap.processes.model import Context
from tests.synthetic import blob

ROOT = Path(__file__).parents[2]
COUNT = 2_000
PROCESSES = ("landuse-breakdown", "control-line-check")


@dataclass(frozen=True)
class Cost:
    """What a request cost: seconds of CPU, seconds, and ms that a plot took beside it."""

    cpu_seconds: float
    seconds: float
    plot_ms: float


def table(province: Path) -> str:
    """Return the costs as text."""
    instance = load_instance(ROOT, "business", stores={"province": GeoPackageSettings(path=province)})
    context = Context(instance.gate, Principal(), instance.settings, load_codes(shipped("codes")))
    lines = [f"{'':24} {'CPU s':>8} {'s':>8} {'plot ms':>9}"]
    for process in PROCESSES:
        cost = _cost(context, process)
        lines.append(f"{process:24} {cost.cpu_seconds:8.2f} {cost.seconds:8.2f} {cost.plot_ms:9.1f}")
    return "\n".join(lines)


def _cost(context: Context, process: str) -> Cost:
    many, plot = _request(context, process, COUNT), _request(context, process, 1)
    many()
    plot()
    with _beside(plot) as waited:
        cpu, began = time.process_time(), time.monotonic()
        many()
        cpu, seconds = time.process_time() - cpu, time.monotonic() - began
    return Cost(cpu, seconds, float(np.percentile(waited, 95)) * 1e3)


@contextmanager
def _beside(work: Callable[[], Any]) -> Iterator[list[float]]:
    """Do something four times a second in another thread; give the seconds that each took."""
    taken: list[float] = []
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            began = time.monotonic()
            work()
            taken.append(time.monotonic() - began)
            stop.wait(0.25)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


def _request(context: Context, process: str, count: int) -> Callable[[], bytes]:
    """Return the request with so many parcels of about 10 ha, spread over the middle of the province."""
    view = context.gate.view(Principal(), "dltb")
    extent = context.gate.store(view).extent(view)
    assert extent is not None
    side = int(np.ceil(np.sqrt(count)))
    share = 0.2 + 0.6 * (np.arange(side) + 0.5) / side
    x, y = (extent[at] + share * (extent[at + 2] - extent[at]) for at in (0, 1))
    features = [
        {
            "type": "Feature",
            "id": str(at),
            "properties": {},
            "geometry": None,
            "place": blob(x[at % side], y[at // side], 180, 60, at).__geo_interface__,
        }
        for at in range(count)
    ]
    parcels = {"type": "FeatureCollection", "coordRefSys": view.collection.storage.uri, "features": features}
    body = orjson.dumps({"inputs": {"parcels": parcels}})

    def ask() -> bytes:
        execution = parse_execution(built_in().get(process), body, "application/json", context.settings.processes)
        return orjson.dumps(perform(execution, context).values["result"])

    return ask


if __name__ == "__main__":
    from tests.bench.run import province

    print(table(province("large")))
