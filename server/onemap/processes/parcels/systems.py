"""Which coordinate reference systems parcels may come in, and how inputs name them.

The names are looked up in a table; nothing of a request is ever handed to PROJ as a definition, except the text of a
``.prj`` file, which is compared with the table by its parameters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import pyproj
from pyproj.exceptions import CRSError

from onemap.block.query import shorten
from onemap.errors import InvalidParameter, UnknownCrs, UnusableParcel
from onemap.geo.crs import CGCS2000_GK, CRS84, EPSG, Crs, crs_from_srid
from onemap.geo.gauss_kruger import SEMI_MAJOR, zone_of

GEOGRAPHIC = (4490, 4326, 4258)
_XIAN80 = {4610, *range(2327, 2391)}
_BEIJING54 = {4214, 4555, *range(2401, 2443), *range(21413, 21424), *range(21453, 21464), *range(21473, 21484)}
_CRS84 = (
    CRS84.uri,
    "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "http://www.opengis.net/def/crs/OGC/0/CRS84",
    "urn:ogc:def:crs:OGC:1.3:CRS84",
    "urn:ogc:def:crs:OGC::CRS84",
    "OGC:CRS84",
    "[OGC:CRS84]",
)
_CODE = re.compile(
    r"(?:https?://www\.opengis\.net/def/crs/EPSG/[^/]{1,8}/|urn:ogc:def:crs:EPSG:[^:]{0,8}:|\[?EPSG:)(\d{4,6})\]?",
    re.ASCII,
)
_HINT = f"Give {EPSG}4490, or a CGCS2000 Gauss-Krueger zone such as {EPSG}4526."
AUTHORISED = (
    "Transform the parcels to CGCS2000 with the authorised parameters of the surveying authority first: "
    "taken as CGCS2000 they would lie tens of metres to more than 100 m off."
)


@functools.cache
def known() -> Mapping[int, Crs]:
    """Return the systems in which parcels are accepted, by EPSG code."""
    return {srid: crs_from_srid(srid) for srid in (*GEOGRAPHIC, 3857, *CGCS2000_GK)}


def from_name(name: object) -> Crs:
    """Return the system that an input names by URI, URN or EPSG:code.

    Raises UnknownCrs for anything that is not in the table, UnusableParcel for a datum without a public exact
    transformation.
    """
    if not isinstance(name, str):
        raise InvalidParameter("A coordinate reference system must be named by a URI.", _HINT)
    if name in _CRS84:
        return CRS84
    match = _CODE.fullmatch(name)
    if not match:
        raise UnknownCrs(f"'{shorten(name)}' does not name a coordinate reference system that is known here.", _HINT)
    return from_code(int(match[1]))


def from_code(code: int) -> Crs:
    """Return the system with this EPSG code; raises as ``from_name``."""
    if code in _XIAN80:
        raise wrong_datum("Xi'an 1980 (西安80)", f"EPSG:{code}")
    if code in _BEIJING54:
        raise wrong_datum("Beijing 1954 (北京54)", f"EPSG:{code}")
    if code not in known():
        raise UnknownCrs(f"Parcels are not accepted in EPSG:{code}.", _HINT)
    return known()[code]


def wrong_datum(datum: str, where: str) -> UnusableParcel:
    """Return the error for coordinates on a datum that needs an authorised transformation."""
    return UnusableParcel(f"The parcels are on the datum {datum}, as {where} says.", AUTHORISED, datum=datum)


def agree(said: Crs | None, asked: Crs | None, who: str) -> Crs | None:
    """Return the one system that the input or the request names.

    Raises InvalidParameter when they name two that differ.
    """
    if said is None or asked is None or said.srid == asked.srid or _only_names_differ(said, asked):
        return said or asked
    raise InvalidParameter(
        f"'crs' names {asked.uri}, but {who} says {said.uri}.", "Leave 'crs' out, or correct it.", pointer="/inputs/crs"
    )


def _only_names_differ(one: Crs, other: Crs) -> bool:
    """Whether two CGCS2000 codes stand for the same plane (a 3-degree and a 6-degree zone on one meridian)."""
    zones = zone_of(one.srid), zone_of(other.srid)
    return zones[0] is not None and zones[0] == zones[1]


def from_wkt(text: str, who: str) -> Crs:
    """Return the system that a WKT text (any version, ESRI's too) describes, found by its parameters.

    Raises UnusableParcel when it is none of those accepted.
    """
    try:
        crs = pyproj.CRS.from_wkt(text)
    except CRSError:
        raise UnusableParcel(f"{who} is not a coordinate reference system.", _HINT) from None
    ellipsoid, datum = crs.ellipsoid, (crs.datum.name if crs.datum else "").replace("_", " ")
    _refuse_old(datum + " " + crs.name.replace("_", " "), ellipsoid.semi_major_metre if ellipsoid else 0.0, who)
    if ellipsoid is None or abs(ellipsoid.semi_major_metre - SEMI_MAJOR) > 1e-3:
        raise _foreign(crs.name, who)
    found = _geographic(crs, datum) if crs.is_geographic else _gauss_krueger(crs, datum)
    if found is None:
        raise _foreign(crs.name, who)
    return found


def _refuse_old(names: str, semi_major: float, who: str) -> None:
    lowered = names.lower()
    if "xian" in lowered or "xi'an" in lowered or "西安" in lowered or abs(semi_major - 6378140.0) < 0.5:
        raise wrong_datum("Xi'an 1980 (西安80)", who)
    if "beijing" in lowered or "北京" in lowered or abs(semi_major - 6378245.0) < 0.5:
        raise wrong_datum("Beijing 1954 (北京54)", who)


def _foreign(name: str, who: str) -> UnusableParcel:
    return UnusableParcel(f"{who} describes '{shorten(name)}', in which parcels are not accepted.", _HINT)


def _geographic(crs: pyproj.CRS, datum: str) -> Crs | None:
    if crs.prime_meridian and crs.prime_meridian.longitude:
        return None
    if any(axis.unit_name not in ("degree", "Degree") for axis in crs.axis_info):
        return None
    if "2000" in datum:
        return known()[4490]
    return CRS84 if "1984" in datum or "84" in datum else known()[4258] if "ETRS" in datum.upper() else None


def _gauss_krueger(crs: pyproj.CRS, datum: str) -> Crs | None:
    """Find the zone of EPSG 4491-4554 with the same central meridian and false easting."""
    operation = crs.coordinate_operation
    if operation is None:
        return None
    named: dict[str, Any] = {parameter.name.lower(): parameter.value for parameter in operation.params}
    if "pseudo" in operation.method_name.lower() or "pseudo" in crs.name.lower():
        return known()[3857]
    meridian, easting = named.get("longitude of natural origin"), named.get("false easting")
    plain = (
        "2000" in datum
        and "transverse mercator" in operation.method_name.lower()
        and named.get("latitude of natural origin") == 0
        and named.get("scale factor at natural origin") == 1
        and named.get("false northing") == 0
        and all(axis.unit_conversion_factor == 1 for axis in crs.axis_info)
    )
    if not plain or meridian is None or easting is None:
        return None
    return _zone(float(meridian), float(easting), "degree" not in crs.name.lower())


def _zone(meridian: float, easting: float, wide: bool) -> Crs | None:
    """Return the zone; where a 3-degree and a 6-degree code mean the same plane, ``wide`` chooses the latter."""
    fits = []
    for srid in CGCS2000_GK:
        zone = zone_of(srid)
        if zone and abs(zone.central_meridian - meridian) < 1e-9 and abs(zone.false_easting - easting) < 1e-6:
            fits.append(srid)
    if not fits:
        return None
    return known()[fits[0] if wide else fits[-1]]
