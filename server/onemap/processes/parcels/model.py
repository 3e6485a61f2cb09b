"""What the readers give: parcels with their identity, one coordinate reference system, and notes."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import TooLarge, UnusableParcel
from onemap.geo.crs import Crs

Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Note:
    """A warning of a result: a stable code, a sentence, and what it is about."""

    code: str
    message: str
    parcel: str | None = None

    def json(self) -> dict[str, str]:
        """Return the note as it stands in ``warnings``."""
        made = {"code": self.code, "message": self.message}
        return made | {"parcel": self.parcel} if self.parcel else made


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may bring: parcels, vertices, and area in km2."""

    parcels: int = 2_000
    vertices: int = 200_000
    area_km2: float = 50_000.0

    def check_parcels(self, count: int) -> None:
        """Raise TooLarge when there are more parcels than allowed."""
        if count > self.parcels:
            raise TooLarge(f"The input holds more than {self.parcels} parcels.", limit=self.parcels, of="parcels")

    def check_vertices(self, count: int) -> None:
        """Raise TooLarge when there are more vertices than allowed."""
        if count > self.vertices:
            raise TooLarge(f"The parcels have more than {self.vertices} vertices.", limit=self.vertices, of="vertices")

    def check_area(self, square_metres: float) -> None:
        """Raise TooLarge when the parcels are larger in all than allowed."""
        if square_metres > self.area_km2 * 1e6:
            raise TooLarge(
                f"The parcels cover {square_metres / 1e6:.1f} km2; at most {self.area_km2:g} km2 are accepted.",
                limit=self.area_km2,
                of="km2",
            )


@dataclass(frozen=True, slots=True)
class ParcelDocument:
    """The input ``parcels`` as it came: JSON data, or the bytes of a file, with its place in the request."""

    data: Any
    media_type: str = "application/geo+json"
    pointer: str = "/inputs/parcels"


@dataclass(frozen=True, slots=True)
class Shape:
    """A parcel before the checks; ``geometry`` in x, y of the set's system."""

    geometry: shapely.Geometry | None
    id: str | None = None
    name: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel: its place in the input (from 0), id and name as given, polygon or multipolygon, properties."""

    index: int
    id: str | None
    name: str | None
    geometry: shapely.Geometry
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How messages name the parcel."""
        return label(self.index, self.id)


@dataclass(frozen=True)
class ParcelSet:
    """The parcels of a request in x, y of ``crs``, and what had to be assumed to read them.

    ``areas`` (m2, one for each parcel) and ``area`` (m2, of their union) are stated in ``stated``: the parcels' own
    system when areas are defined in it, EPSG:4490 otherwise.
    """

    parcels: tuple[Parcel, ...]
    crs: Crs
    stated: Crs
    areas: tuple[float, ...]
    area: float
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.parcels)

    @property
    def geometries(self) -> NDArray[np.object_]:
        """The geometries, shape (n,)."""
        made = np.empty(len(self.parcels), dtype=object)
        made[:] = [parcel.geometry for parcel in self.parcels]
        return made

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the system and the canonical WKB of each parcel, in their order."""
        total = hashlib.sha256(self.crs.uri.encode())
        for wkb in shapely.to_wkb(shapely.normalize(self.geometries), byte_order=1, output_dimension=2):
            total.update(struct.pack("<Q", len(wkb)))
            total.update(wkb)
        return "sha256:" + total.hexdigest()


def label(index: int, identifier: str | None) -> str:
    """Return how messages name a parcel: its number from 1, and its id when it has one."""
    return f"parcel {index + 1}" + (f" ('{identifier[:60]}')" if identifier else "")


def unusable(detail: str, index: int, identifier: str | None, place: Sequence[float] | None = None) -> UnusableParcel:
    """Return the error for a parcel that cannot be used, naming it and the place (x, y)."""
    where = f" near x {place[0]:.10g}, y {place[1]:.10g}" if place is not None else ""
    text = f"{label(index, identifier)}: {detail}{where}."
    parcel = {"index": index, "id": identifier}
    if place is None:
        return UnusableParcel(text[0].upper() + text[1:], parcel=parcel)
    return UnusableParcel(text[0].upper() + text[1:], parcel=parcel, place=[float(place[0]), float(place[1])])
