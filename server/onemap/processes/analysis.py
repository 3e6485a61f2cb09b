"""What an analysis of parcels comes to, before it is written as JSON, as a report or as a file of its pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import Crs
from onemap.processes.layers import Layer
from onemap.processes.parcels import ParcelSet


@dataclass(frozen=True, slots=True)
class PieceLayer:
    """The pieces of a layer inside the parcels.

    ``geometries``: in x, y of ``crs`` (easting, northing or longitude, latitude); ``areas``: m2; ``columns``: an entry
    for each geometry. The areas sum to what the result says of the layer.
    """

    name: str
    title: str
    crs: Crs
    geometries: NDArray[np.object_]
    areas: NDArray[np.float64]
    columns: Mapping[str, Sequence[Any]]


def no_pieces() -> list[PieceLayer]:
    """Return nothing, for analyses that cut nothing."""
    return []


@dataclass(frozen=True, slots=True)
class Analysis:
    """The result as the contract has it, the parcels it is about, and how to get the rest.

    ``layers``: those examined, for the maps of a report. ``pieces``: cuts again, when the pieces are asked for.
    """

    result: Mapping[str, Any]
    parcels: ParcelSet
    layers: Sequence[Layer] = ()
    pieces: Callable[[], list[PieceLayer]] = field(default=no_pieces)
