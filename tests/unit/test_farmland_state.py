"""Sums over a state of the land use do not depend on the order in which a store gives its features."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from onemap.geo.crs import crs_from_srid
from onemap.processes.accounts import Cell
from onemap.processes.accounts.split import Split
from onemap.processes.farmland.compare import State


def state(areas: list[float]) -> State:
    count = len(areas)
    cells, none = [Cell("0103", "30", "")] * count, np.full(count, -1)
    parts = Split(cells, cells, np.array(areas), np.zeros(count), none, none)
    nothing = cast(Any, None)  # neither the layer nor its shapes are asked
    return State(nothing, nothing, parts, [""] * count, np.empty(0, dtype=object), crs_from_srid(4490))


def test_the_net_area_is_the_same_in_any_order() -> None:
    areas = [1e16, 1.0, 1.0, 1.0, 1.0]
    assert state(areas).net() == state(areas[::-1]).net() == 1e16 + 4
