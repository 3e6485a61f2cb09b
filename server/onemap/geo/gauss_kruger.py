"""The CGCS2000 Gauss-Krueger zones of the EPSG registry and the area scale of the projection."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]

SEMI_MAJOR = 6378137.0
FLATTENING = 1 / 298.257222101
SEMI_MINOR = SEMI_MAJOR * (1 - FLATTENING)

MAX_OFFSET = 700_000.0
"""Distance in metres from the central meridian up to which the series below are fitted."""
MAX_NORTHING = 10_000_000.0

_N = FLATTENING / (2 - FLATTENING)
_E2 = FLATTENING * (2 - FLATTENING)
_RECTIFYING_RADIUS = SEMI_MAJOR / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64 + _N**6 / 256)
# Degrees of the fit in cos 2 xi, for the powers 1.. of the squared offset: chosen so that the remainder of 1/k^2 is
# below 1e-13 over the whole domain (a unit test measures it).
_DEGREES = (5, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Zone:
    """A Gauss-Krueger zone: central meridian in degrees and false easting in metres (with the zone's prefix)."""

    central_meridian: float
    false_easting: float


# First EPSG code, first zone number, number of zones, width in degrees, whether eastings carry the zone number.
_SERIES = (
    (4491, 13, 11, 6, True),
    (4502, 13, 11, 6, False),
    (4513, 25, 21, 3, True),
    (4534, 25, 21, 3, False),
)


def zone_of(srid: int) -> Zone | None:
    """Return the zone of an EPSG code 4491-4554, None for every other code."""
    for first, first_zone, count, width, prefixed in _SERIES:
        if first <= srid < first + count:
            number = first_zone + srid - first
            meridian = 3.0 * number if width == 3 else 6.0 * number - 3
            return Zone(meridian, 500_000.0 + (1_000_000.0 * number if prefixed else 0.0))
    return None


@cache
def _beta() -> tuple[float, ...]:
    """Krueger's inverse coefficients to the sixth order in the third flattening (Karney 2011, eq. 36)."""
    n = _N
    return (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96 - n**4 / 360 - 81 * n**5 / 512 + 96199 * n**6 / 604800,
        n**2 / 48 + n**3 / 15 - 437 * n**4 / 1440 + 46 * n**5 / 105 - 1118711 * n**6 / 3870720,
        17 * n**3 / 480 - 37 * n**4 / 840 - 209 * n**5 / 4480 + 5569 * n**6 / 90720,
        4397 * n**4 / 161280 - 11 * n**5 / 504 - 830251 * n**6 / 7257600,
        4583 * n**5 / 161280 - 108847 * n**6 / 3991680,
        20648693 * n**6 / 638668800,
    )


def _tangent_of_latitude(conformal: Floats) -> Floats:
    """Solve for tan(latitude) from the tangent of the conformal latitude by Newton steps (Karney 2011, eq. 19-21)."""
    e = _E2**0.5
    tau = conformal / (1 - _E2)
    for _ in range(5):
        secant = np.hypot(1, tau)
        sigma = np.sinh(e * np.arctanh(e * tau / secant))
        guess = tau * np.hypot(1, sigma) - sigma * secant
        slope = (1 + (1 - _E2) * tau**2) / ((1 - _E2) * secant * np.hypot(1, guess))
        tau = tau + (conformal - guess) * slope
    return np.asarray(tau)


def inverse_square_scale(northing: Floats, offset: Floats) -> Floats:
    """Compute 1/k^2, the true area of a unit square of the map, from northing and offset to the central meridian.

    Both in metres. Exact to double precision within the domain (Karney 2011, eq. 11-25 solved for the plane);
    slow: the fit below is made from it.
    """
    xi, eta = northing / _RECTIFYING_RADIUS, offset / _RECTIFYING_RADIUS
    sphere_xi, sphere_eta, p, q = xi, eta, np.ones_like(xi), np.zeros_like(xi)
    for j, beta in enumerate(_beta(), start=1):
        sin, cos, sinh, cosh = np.sin(2 * j * xi), np.cos(2 * j * xi), np.sinh(2 * j * eta), np.cosh(2 * j * eta)
        sphere_xi, sphere_eta = sphere_xi - beta * sin * cosh, sphere_eta - beta * cos * sinh
        p, q = p - 2 * j * beta * cos * cosh, q + 2 * j * beta * sin * sinh
    cosine = np.hypot(np.sinh(sphere_eta), np.cos(sphere_xi))
    tau2 = _tangent_of_latitude(np.sin(sphere_xi) / cosine) ** 2
    scale2 = (_RECTIFYING_RADIUS / SEMI_MAJOR * cosine) ** 2 * (1 + (1 - _E2) * tau2) / (p**2 + q**2)
    return np.asarray(1 / scale2)


@cache
def area_series() -> tuple[Floats, ...]:
    """Fit 1/k^2 = 1 + sum_j s_j(c) v^j, c = cos(2 northing / rectifying radius), v = (offset / MAX_OFFSET)^2.

    Returns, for j = 1.., the power coefficients in c of s_j / (2j + 1), highest power first: those of the integral of
    1/k^2 from the central meridian outwards, divided by the offset.
    """
    nodes = np.cos(np.pi * (np.arange(48) + 0.5) / 48)
    c, v = (axis.ravel() for axis in np.meshgrid(nodes, (1 + nodes) / 2))
    target = inverse_square_scale(np.arccos(c) / 2 * _RECTIFYING_RADIUS, np.sqrt(v) * MAX_OFFSET) - 1
    basis = [c**i * v**j for j, degree in enumerate(_DEGREES, start=1) for i in range(degree + 1)]
    weights = np.linalg.lstsq(np.stack(basis, axis=1) / v[:, None], target / v, rcond=None)[0]
    ends = np.cumsum([degree + 1 for degree in _DEGREES])
    return tuple(part[::-1] / (2 * j + 1) for j, part in enumerate(np.split(weights, ends[:-1]), start=1))


def area_west_of(northing: Floats, offset: Floats) -> Floats:
    """Integrate 1/k^2 - 1 from the central meridian to the offset, in metres, at each northing (metres)."""
    cosine, v = np.cos(northing * (2 / _RECTIFYING_RADIUS)), np.square(offset * (1 / MAX_OFFSET))
    total = np.zeros_like(v)
    for coefficients in reversed(area_series()):
        inner = np.full_like(v, coefficients[0])
        for coefficient in coefficients[1:]:
            inner *= cosine
            inner += coefficient
        total += inner
        total *= v
    return np.asarray(total * offset)
