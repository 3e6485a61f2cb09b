"""Read a GeoPackage from bytes, in memory, as untrusted: only tables are read, by nothing but SELECT."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

import shapely

from onemap.block.query import shorten
from onemap.errors import InvalidBody, TooLarge, UnusableParcel
from onemap.geo.crs import Crs
from onemap.processes.parcels.attributes import describe, plain
from onemap.processes.parcels.model import Limits, Note, Shape, unusable
from onemap.processes.parcels.systems import agree, from_code, from_wkt
from onemap.processes.parcels.wkb import NotPolygonError, count_vertices

Row = tuple[bytes | None, str | None, str | None, dict[str, Any]]
"""A feature: WKB, id, name, values."""
_MAGIC = b"SQLite format 3\x00"
_SECONDS = 5.0
MAX_BYTES = 64 * 1024 * 1024
_ENVELOPES = {0: 8, 1: 40, 2: 56, 3: 56, 4: 72}
_MOST_SAID = 1_000_000
"""Most bytes of a text that describes a table or a system."""
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_STORED = 0
"""What ``table_xinfo`` says of a column that holds its values; generated ones compute theirs, however large."""
_LAYERS = """
SELECT g.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition
FROM gpkg_geometry_columns AS g
JOIN sqlite_master AS m ON m.name = g.table_name AND m.type = 'table' AND m.rootpage > 0
LEFT JOIN gpkg_spatial_ref_sys AS s ON s.srs_id = g.srs_id
ORDER BY g.rowid
LIMIT 2
"""


def read_geopackage(
    data: bytes, asked: Crs | None, limits: Limits, pointer: str
) -> tuple[list[Shape], Crs, list[Note]]:
    """Return the shapes, their system and notes from the first feature table of a GeoPackage.

    Views, virtual tables and triggers of the file are never touched. Raises InvalidBody for what is no GeoPackage.
    """
    rows, crs, notes = read_rows(data, asked, limits, pointer)
    return list(_shapes(rows, limits)), crs, notes


def read_rows(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> tuple[list[Row], Crs, list[Note]]:
    """Return the same with the geometries as WKB, not looked into; None for NULL and empty ones."""
    try:
        with contextlib.closing(_open(data, pointer)) as connection:
            return _content(connection, asked, limits, pointer)
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        text = shorten(str(error), 80)
        raise InvalidBody(f"The file cannot be read as a GeoPackage: {text}.", pointer=pointer) from None


def _open(data: bytes, pointer: str) -> sqlite3.Connection:
    if len(data) < 100 or not data.startswith(_MAGIC):
        raise InvalidBody("The file is not a GeoPackage.", pointer=pointer)
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_SAID)
    # Bytes 18 and 19 say that a write-ahead log belongs to the file: in memory there is none.
    connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
    deadline = time.monotonic() + _SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    connection.set_authorizer(_authorise)
    return connection


def _authorise(action: int, first: str | None, *_: str | None) -> int:
    columns = action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo"
    return sqlite3.SQLITE_OK if columns or action in _ALLOWED else sqlite3.SQLITE_DENY


def _content(
    connection: sqlite3.Connection, asked: Crs | None, limits: Limits, pointer: str
) -> tuple[list[Row], Crs, list[Note]]:
    layers = connection.execute(_LAYERS).fetchall()
    if not layers:
        raise InvalidBody("The GeoPackage has no feature table.", pointer=pointer)
    table, column, organization, code, definition = layers[0]
    if not (isinstance(table, str) and isinstance(column, str)):
        raise InvalidBody("gpkg_geometry_columns names a table or a column by something not text.", pointer=pointer)
    notes = []
    if len(layers) > 1:
        message = f"The GeoPackage has several feature tables; the parcels are those of '{shorten(table)}'."
        notes.append(Note("first-table", message))
    crs = agree(_system(organization, code, definition), asked, "the GeoPackage")
    if crs is None:
        raise UnusableParcel("The GeoPackage does not say its system.", "Name it in the input 'crs'.")
    names, rows = _rows(connection, table, limits)
    if column not in names:
        raise InvalidBody(f"The table '{shorten(table)}' has no column '{shorten(column)}'.", pointer=pointer)
    return list(_described(names, rows, names.index(column))), crs, notes


def _system(organization: Any, code: Any, definition: Any) -> Crs | None:
    if isinstance(organization, str) and organization.upper() == "EPSG" and isinstance(code, int):
        return from_code(code)
    if code in (None, 0, -1) or not isinstance(definition, str) or definition in ("", "undefined"):
        return None
    return from_wkt(definition[:65_536], "The GeoPackage")


def _rows(connection: sqlite3.Connection, table: str, limits: Limits) -> tuple[list[str], Sequence[tuple[Any, ...]]]:
    names = _columns(connection, table)
    wanted = ", ".join(map(_quoted, names)) or "NULL"
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BYTES)
    statement = f"SELECT {wanted} FROM {_quoted(table)} LIMIT ?"  # noqa: S608 (quoted)
    cursor = connection.execute(statement, [limits.parcels + 1])
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in cursor:  # the pages of a broken file may stand for more bytes than the file has
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if size > MAX_BYTES:
            raise TooLarge(f"The table holds more than {MAX_BYTES} bytes.", limit=MAX_BYTES, of="bytes")
        rows.append(row)
        limits.check_parcels(len(rows))
    return names, rows


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the names of the columns whose values are in the file."""
    known = connection.execute(f"PRAGMA table_xinfo({_quoted(table)})").fetchall()
    return [name for _, name, *_, hidden in known if hidden == _STORED]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _described(names: list[str], rows: Sequence[tuple[Any, ...]], at: int) -> Iterator[Row]:
    for index, row in enumerate(rows):
        values = {name: plain(value) for place, (name, value) in enumerate(zip(names, row, strict=True)) if place != at}
        identifier, name = describe(values)
        yield _wkb(row[at], index, identifier), identifier, name, values


def _shapes(rows: Sequence[Row], limits: Limits) -> Iterator[Shape]:
    vertices = 0
    for index, (wkb, identifier, name, values) in enumerate(rows):
        if wkb is None:
            yield Shape(None, identifier, name, values)
            continue
        try:
            vertices += count_vertices(wkb)
            limits.check_vertices(vertices)
            yield Shape(shapely.from_wkb(wkb), identifier, name, values)
        except NotPolygonError as error:
            raise unusable(f"is a {error}, not a polygon", index, identifier) from None
        except (ValueError, shapely.GEOSException) as error:
            raise unusable(f"has a broken geometry ({shorten(str(error), 60)})", index, identifier) from None


def _wkb(blob: Any, index: int, identifier: str | None) -> bytes | None:
    """Return the WKB in a GeoPackage geometry blob (OGC 12-128r19, 2.1.3); None for NULL and empty geometries."""
    if blob is None:
        return None
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        raise unusable("has a geometry that is not a GeoPackage blob", index, identifier)
    length = _ENVELOPES.get((blob[3] >> 1) & 7)
    if length is None or blob[3] & 0x20:
        raise unusable("has a geometry of an extended type", index, identifier)
    return None if blob[3] & 0x10 else blob[length:]
