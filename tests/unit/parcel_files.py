"""Parcel files that the tests make themselves: text, archives, GeoPackages."""

from __future__ import annotations

import io
import sqlite3
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import shapely
from pyproj import CRS

Ring = Sequence[tuple[float, float]]
LIMITS_POINTER = "/inputs/parcels/value"
SQUARE: Ring = [(3387100, 38528700), (3387200, 38528700), (3387200, 38528800), (3387100, 38528800)]
ATTRIBUTES = {
    "格式版本号": "1.01版本",
    "坐标系": "2000国家大地坐标系",
    "几度分带": "3",
    "投影类型": "高斯克吕格",
    "计量单位": "米",
    "带号": "38",
    "精度": "0.001",
    "转换参数": ",,,,,,",
}


def points(ring: Ring, number: int = 1, first: int = 1, closed: bool = True) -> list[str]:
    """The lines of one ring; its closing line carries the first label."""
    lines = [f"J{first + at},{number},{x:.3f},{y:.3f}" for at, (x, y) in enumerate(ring)]
    return [*lines, lines[0]] if closed else lines


def txt(*lines: str, **attributes: str | None) -> str:
    """A parcel text with these lines of coordinates; an attribute that is None is left out."""
    known = {key: value for key, value in {**ATTRIBUTES, **attributes}.items() if value is not None}
    return "\r\n".join(["[属性描述]", *(f"{key}={value}" for key, value in known.items()), "[地块坐标]", *lines])


def header(count: int = 5, area: str = "1.0000", identifier: str = "A-01", kind: str = "面") -> str:
    """A header of the classic eight fields."""
    return f"{count},{area},{identifier},地块一,{kind},H50G034005,公路用地,1003,@"


def square_txt(**attributes: str | None) -> str:
    """A parcel of one hectare."""
    return txt(header(), *points(SQUARE), **attributes)


def archive(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return packed.getvalue()


def shapefile(
    polygons: Sequence[Ring], names: Sequence[str], encoding: str = "gbk", prj: str | None = None
) -> dict[str, bytes]:
    """The parts of a Shapefile of simple polygons (x, y; clockwise) with one text field DKMC, by suffix."""
    records = [_record(ring) for ring in polygons]
    body, index, at = b"", b"", 50
    for number, record in enumerate(records, start=1):
        body += struct.pack(">2i", number, len(record) // 2) + record
        index += struct.pack(">2i", at, len(record) // 2)
        at += 4 + len(record) // 2
    bounds = shapely.total_bounds([shapely.Polygon(ring) for ring in polygons])
    text = CRS.from_epsg(4526).to_wkt("WKT1_ESRI") if prj is None else prj
    return {
        ".shp": _shp_header(100 + len(body), bounds) + body,
        ".shx": _shp_header(100 + len(index), bounds) + index,
        ".dbf": _dbf(names, encoding),
        ".prj": text.encode(),
    }


def _shp_header(length: int, bounds: Sequence[float]) -> bytes:
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, length // 2) + struct.pack("<2i8d", 1000, 5, *bounds, 0, 0, 0, 0)


def _record(ring: Ring) -> bytes:
    closed = [*ring, ring[0]]
    flat = [value for point in closed for value in point]
    low_high = shapely.Polygon(ring).bounds
    return struct.pack("<i4d3i", 5, *low_high, 1, len(closed), 0) + struct.pack(f"<{len(flat)}d", *flat)


def _dbf(names: Sequence[str], encoding: str) -> bytes:
    width = 40
    field = b"DKMC".ljust(11, b"\0") + b"C" + bytes(4) + bytes([width, 0]) + bytes(14)
    head = struct.pack("<4B1I2H", 3, 126, 1, 1, len(names), 32 + 32 + 1, width + 1) + bytes(20)
    rows = b"".join(b" " + name.encode(encoding).ljust(width) for name in names)
    return head + field + b"\r" + rows + b"\x1a"


def zipped(parts: Mapping[str, bytes], stem: str = "parcels") -> bytes:
    """The parts of a Shapefile in an archive."""
    return archive({stem + suffix: content for suffix, content in parts.items()})


def geopackage(
    geometries: Sequence[shapely.Geometry | bytes | None],
    srid: int = 4526,
    tables: Sequence[str] = ("parcels",),
    **more: Any,
) -> bytes:
    """The bytes of a GeoPackage with the same features in each table; bytes stand for a blob as it is."""
    with sqlite3.connect(":memory:") as made:
        made.executescript(
            """
            CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
                organization_coordsys_id INTEGER, definition TEXT, description TEXT);
            CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, srs_id INTEGER);
            CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT,
                srs_id INTEGER, z TINYINT, m TINYINT);
            """
        )
        organization = more.get("organization", "EPSG")
        values = ["system", srid, organization, srid, more.get("definition", ""), ""]
        made.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?,?,?,?,?,?)", values)
        for table in tables:
            made.execute(f'CREATE TABLE "{table}" (fid INTEGER PRIMARY KEY, geom BLOB, DKBH TEXT, DKMC TEXT)')
            made.execute("INSERT INTO gpkg_contents VALUES (?, 'features', ?)", [table, srid])
            made.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', ?, 0, 0)", [table, srid])
            for number, geometry in enumerate(geometries, start=1):
                row = [number, _blob(geometry, srid), f"G-{number}", f"地块{number}"]
                made.execute(f'INSERT INTO "{table}" VALUES (?,?,?,?)', row)
        made.executescript(more.get("script", ""))
        made.commit()
        content = made.serialize()
    made.close()
    return content


def _blob(geometry: shapely.Geometry | bytes | None, srid: int) -> bytes | None:
    if geometry is None or isinstance(geometry, bytes):
        return geometry
    return b"GP\x00\x01" + struct.pack("<i", srid) + shapely.to_wkb(geometry, byte_order=1)
