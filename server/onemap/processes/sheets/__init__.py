"""The process sheet-index: the map sheets that the parcels lie on (GB/T 13989-2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field

from onemap.config import Text
from onemap.errors import TooLarge, UnusableParcel
from onemap.geo.area import measure_for
from onemap.geo.crs import crs_from_srid
from onemap.geo.sheets import SCALES, Scale, Sheets, sheets_within
from onemap.geo.subdivide import subdivide
from onemap.processes.analysis import Analysis, PieceLayer
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import ParcelProcess, head, tail
from onemap.processes.parcels import Note, ParcelSet
from onemap.processes.project import FULL, Plane, Project
from onemap.processes.tables import rounded

MOST_SHEETS = 5_000
"""Most sheets of one scale in a result."""
_PIECE_VERTICES = 256
_DECIMALS = 10
_Denominator = Literal[1_000_000, 500_000, 250_000, 100_000, 50_000, 25_000, 10_000, 5_000, 2_000, 1_000, 500]


class SheetIndex(ParcelProcess):
    """Find the map sheets that parcels lie on."""

    id = "sheet-index"
    version = "1.0.0"
    title = Text(zh="图幅索引", en="Map sheets")
    description = Text(
        zh="按 GB/T 13989-2012 给出地块所在的图幅（1:100 万至 1:500）：图号、图廓、图幅理论面积和地块所占面积。",
        en="Gives the map sheets by GB/T 13989-2012 (1:1,000,000 to 1:500) that the parcels lie on: number, outline, "
        "area of the sheet by the trapezoid formula and area of the parcels on it.",
    )
    keywords = ("map sheet", "图幅号", "图幅", "GB/T 13989")

    scales: Annotated[
        list[_Denominator],
        Field(min_length=1, max_length=len(SCALES)),
        Words(
            Text(zh="比例尺", en="Scales"),
            Text(zh="比例尺分母", en="Denominators of the scales"),
        ),
    ] = [10_000]  # noqa: RUF012 (a default of the model)

    def analyse(self, context: Context) -> Analysis:
        """Return the sheets of each scale, from the north-west, with their share of the parcels.

        Areas are those of EPSG:4490, in which the sheets' edges are straight. Raises TooLarge beyond the limit of
        sheets, UnusableParcel for parcels out of the reach of EPSG:4490.
        """
        parcels = context.parcels(self.parcels, self.crs)
        plane = Project(parcels).plane(crs_from_srid(4490))
        if plane is None:
            raise UnusableParcel("The parcels lie outside the reach of EPSG:4490.")
        wanted = [scale for scale in SCALES if scale.denominator in self.scales]
        found = [_On(plane, scale) for scale in wanted]
        entries = [entry for on in found for entry in on.entries(parcels)]
        notes = [*parcels.notes, *(note for on in found for note in on.notes())]
        result = {
            **head(type(self), None, parcels, plane.crs, plane.area),
            "sheets": entries,
            **tail([], notes),
        }
        return Analysis(result, parcels, pieces=lambda: [on.pieces(context.lang) for on in found])


@dataclass(frozen=True)
class _Parts:
    """A polygon as small parts, for cutting it with many boxes."""

    tree: shapely.STRtree

    @classmethod
    def of(cls, geometry: Any) -> _Parts:
        return cls(shapely.STRtree(subdivide(geometry, _PIECE_VERTICES)))

    def meets(self, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which boxes the polygon shares an inner point with, or touches."""
        mask = np.zeros(len(boxes), dtype=bool)
        mask[self.tree.query(shapely.box(*boxes.T), predicate="intersects")[0]] = True
        return mask

    def cut(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
        """Return the parts inside the boxes, and the box of each."""
        shapes = shapely.box(*boxes.T)
        box, part = self.tree.query(shapes, predicate="intersects")
        return box, shapely.intersection(self.tree.geometries[part], shapes[box])

    def areas(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the area inside each box, m2."""
        box, parts = self.cut(boxes)
        return np.bincount(box, weights=measure_for(4490).areas(parts), minlength=len(boxes))


class _On:
    """The sheets of one scale that a project lies on."""

    def __init__(self, plane: Plane, scale: Scale) -> None:
        self._plane, self._parts = plane, _Parts.of(plane.geometry)
        sheets = sheets_within(plane.geometry.bounds, scale, self._parts.meets, 2 * MOST_SHEETS)
        areas = None if sheets is None else self._parts.areas(sheets.boxes())
        if sheets is None or areas is None or np.count_nonzero(areas) > MOST_SHEETS:
            text = f"The parcels lie on more than {MOST_SHEETS} sheets 1:{scale.denominator}."
            raise TooLarge(text, limit=MOST_SHEETS, of="sheets")
        self.sheets: Sheets = sheets.select(areas > 0)
        self.areas = areas[areas > 0]
        self.boxes = self.sheets.boxes()

    def entries(self, parcels: ParcelSet) -> list[dict[str, Any]]:
        """Return an entry for each sheet."""
        whole = measure_for(4490).areas(shapely.box(*self.boxes.T)).tolist()
        on = self._parcels(parcels)
        rows = zip(self.sheets.numbers(), self.boxes.tolist(), whole, self.areas.tolist(), strict=True)
        return [
            {
                "number": number,
                "scale": self.sheets.scale.denominator,
                "bounds": [round(value, _DECIMALS) for value in box],
                "sheetArea": area,
                "area": inside,
                **rounded(inside),
                "share": min(inside / self._plane.area, 1.0),
                "parcels": on[at],
                "geometry": _outline(box),
            }
            for at, (number, box, area, inside) in enumerate(rows)
        ]

    def _parcels(self, parcels: ParcelSet) -> list[list[dict[str, Any]]]:
        """Return for each sheet the parcels on it, with their areas."""
        made: list[list[dict[str, Any]]] = [[] for _ in range(len(self.sheets))]
        for parcel, plane in zip(parcels.parcels, _planes(parcels), strict=True):
            areas = _Parts.of(plane).areas(self.boxes)
            for at in np.flatnonzero(areas).tolist():
                made[at].append({"index": parcel.index, "id": parcel.id, "area": float(areas[at])})
        return made

    def notes(self) -> list[Note]:
        """Say when a part of the parcels lies on no sheet: GB/T 13989 numbers 0 to 88 degrees north."""
        if self.areas.sum() >= FULL * self._plane.area:
            return []
        return [Note("without-sheet", f"A part of the parcels lies on no sheet 1:{self.sheets.scale.denominator}.")]

    def pieces(self, lang: str) -> PieceLayer:
        """Return what of the parcels lies on each sheet."""
        box, parts = self._parts.cut(self.boxes)
        shapes = np.empty(len(self.boxes), dtype=object)
        for at in range(len(self.boxes)):
            shapes[at] = shapely.union_all(parts[box == at])
        scale = self.sheets.scale.denominator
        title = Text(zh=f"图幅 1:{scale}", en=f"Map sheets 1:{scale}").get(lang)
        columns = {"number": self.sheets.numbers()}
        return PieceLayer(f"sheets_{scale}", title, self._plane.crs, shapes, self.areas, columns)


def _planes(parcels: ParcelSet) -> list[Any]:
    """Return each parcel as a polygon of EPSG:4490."""
    planes = []
    for parcel in parcels.parcels:
        own = Project(ParcelSet((parcel,), parcels.crs, parcels.stated, (0.0,), 0.0)).plane(crs_from_srid(4490))
        planes.append(own.geometry if own else shapely.Polygon())
    return planes


def _outline(box: list[float]) -> dict[str, Any]:
    west, south, east, north = (round(value, _DECIMALS) for value in box)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
