"""Rows of generalised levels on the grid of the tiles that they are made for, valid there."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import shapely

from onemap.tiles.generalise.faces import FaceFile, Ints
from onemap.tiles.pack.encoded import snapped
from onemap.tiles.pack.ragged import polygon_rows
from onemap.tiles.pack.rowfile import RowFile

_AT_ONCE = 20_000


def snapped_rows(faces: FaceFile, features: Ints, unit: float, folder: Path) -> RowFile:
    """Return the faces of a level as rows on a grid of so many steps, one row for each feature.

    ``features``: of which feature each face is. Owners of the rows are features, ascending.
    """
    file = RowFile(folder)
    order = np.argsort(features, kind="stable")
    cuts = [0]
    while cuts[-1] < len(order):
        end = min(cuts[-1] + _AT_ONCE, len(order))
        while end < len(order) and features[order[end]] == features[order[end - 1]]:
            end += 1  # all parts of a feature make one row
        cuts.append(end)
    for begin, end in itertools.pairwise(cuts):
        some = order[begin:end]
        polygons = shapely.transform(faces.polygons(some), lambda xy: xy / unit)
        parts, owners = snapped(polygons, features[some])
        file.append(polygon_rows(shapely.transform(parts, lambda xy: xy * unit), owners))
    file.finish()
    return file
