"""How large the demo provinces are: the land they cover and how much lies on it."""

from dataclasses import dataclass

from onemap.demo.grid import Extent

SRID = 4526
"""The plane the province is drawn in: CGCS2000, 3-degree Gauss-Krueger zone 38, easting with the zone's number."""

_CENTRE = (38_490_000.0, 3_376_000.0)


@dataclass(frozen=True)
class Size:
    """The plan of a province.

    ``parcels``: land-use polygons wanted. ``width``, ``height``: metres of the land around the province. ``step``:
    metres between the cells of the relief. ``summit``: height of the highest cell in metres. ``counties``,
    ``cities``: administrative units. ``stream``: square kilometres that must drain through a place to make a river.
    """

    parcels: int
    width: float
    height: float
    step: float
    summit: float
    counties: int
    cities: int
    stream: float

    @property
    def extent(self) -> Extent:
        """Return the land around the province, centred where the zone is undistorted."""
        x, y = _CENTRE
        return Extent(x - self.width / 2, y - self.height / 2, x + self.width / 2, y + self.height / 2)


SIZES = {
    "small": Size(5_000, 14_400, 14_000, 50, 520, 3, 2, 1.5),
    "medium": Size(100_000, 60_000, 58_000, 170, 900, 5, 2, 12),
    "large": Size(500_000, 138_000, 120_000, 310, 1900, 7, 3, 25),
}
