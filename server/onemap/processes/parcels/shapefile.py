"""Read a zipped Shapefile from bytes; nothing is written to a disk."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.block.query import shorten
from onemap.errors import InvalidBody, UnusableParcel
from onemap.geo.crs import Crs
from onemap.processes.parcels.archive import read_archive
from onemap.processes.parcels.attributes import describe, plain
from onemap.processes.parcels.model import Limits, Note, Shape
from onemap.processes.parcels.shp import check_table, index_of, rings_of
from onemap.processes.parcels.systems import agree, from_wkt

Record = tuple[list[NDArray[np.float64]], str | None, str | None, dict[str, Any]]
"""A shape: its rings, each (n, 2), then id, name, values."""
_PARTS = ("shp", "dbf")
_GB18030 = dict.fromkeys(("gbk", "gb2312", "gb18030", "936", "cp936", "54936"), "gb18030")
_CODECS = {"utf8": "utf-8", "65001": "utf-8", "big5": "big5", "950": "big5", "cp950": "big5", **_GB18030}
_CODECS |= {"ascii": "latin-1", "latin1": "latin-1", "iso88591": "latin-1", "88591": "latin-1", "1252": "cp1252"}


def read_shapefile(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> tuple[list[Shape], Crs, list[Note]]:
    """Return the shapes, their system and notes from a zip archive with exactly one Shapefile.

    The system comes from the ``.prj`` (compared by parameters), else from ``asked``. Attribute text is read in the
    encoding that the ``.cpg`` names, else as UTF-8 where that is possible, else as GB18030.
    """
    files = _files(data, limits, pointer)
    crs = _system(files.get("prj"), asked)
    fields, geometries, columns = _read(files, limits, pointer)
    limits.check_parcels(len(geometries))
    notes: list[Note] = []
    rows = _rows(files, fields, columns, notes)
    shapes = [Shape(geometry, *describe(row), row) for geometry, row in zip(geometries, rows, strict=True)]
    return shapes, crs, notes


def read_records(data: bytes, asked: Crs | None, limits: Limits, pointer: str) -> tuple[list[Record], Crs, list[Note]]:
    """Return the same with the rings of each shape as they stand in the file."""
    files = _files(data, limits, pointer)
    crs = _system(files.get("prj"), asked)
    fields, _, columns = _read(files, limits, pointer, shapes=False)
    notes: list[Note] = []
    rows = _rows(files, fields, columns, notes)
    records = [(rings, *describe(row), row) for rings, row in zip(rings_of(files["shp"]), rows, strict=True)]
    return records, crs, notes


def _files(data: bytes, limits: Limits, pointer: str) -> dict[str, bytes]:
    files = _one_set(read_archive(data, pointer), pointer)
    files["shx"] = index_of(files["shp"], limits, pointer)
    check_table(files["dbf"], (len(files["shx"]) - 100) // 8, pointer)
    return files


def _rows(
    files: Mapping[str, bytes], fields: Sequence[str], columns: Sequence[Sequence[Any]], notes: list[Note]
) -> list[dict[str, Any]]:
    text = _Text(files.get("cpg"), columns, notes)
    names = [text(name) for name in fields]
    count = (len(files["shx"]) - 100) // 8
    return [{name: plain(text(column[at])) for name, column in zip(names, columns, strict=True)} for at in range(count)]


def _one_set(members: Mapping[str, bytes], pointer: str) -> dict[str, bytes]:
    """Return the files of the one Shapefile by suffix."""
    found = [path for path in members if path.endswith(".shp")]
    if len(found) != 1:
        raise InvalidBody(f"The archive must hold exactly one .shp file, not {len(found)}.", pointer=pointer)
    stem = PurePosixPath(found[0]).with_suffix("")
    files = {
        path.rpartition(".")[2]: body for path, body in members.items() if PurePosixPath(path).with_suffix("") == stem
    }
    missing = [suffix for suffix in _PARTS if suffix not in files]
    if missing:
        raise InvalidBody(f"The Shapefile lacks its .{missing[0]} file.", pointer=pointer)
    return files


def _system(prj: bytes | None, asked: Crs | None) -> Crs:
    text = (prj or b"")[:65_536].decode("utf-8", errors="replace").strip().removeprefix("\ufeff")
    said = from_wkt(text, "The .prj file") if text else None
    crs = agree(said, asked, "the .prj file")
    if crs is None:
        raise UnusableParcel("The Shapefile has no .prj file.", "Name its system in the input 'crs'.")
    return crs


def _read(
    files: Mapping[str, bytes], limits: Limits, pointer: str, *, shapes: bool = True
) -> tuple[list[str], list[Any], list[Sequence[Any]]]:
    """Return field names, geometries (none unless ``shapes``) and columns; text as Latin-1, which keeps every byte."""
    import pyogrio.raw  # loads GDAL, which a server may never need

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for suffix in (*_PARTS, "shx"):
            archive.writestr(f"parcels.{suffix}", files[suffix])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta, _, wkb, columns = pyogrio.raw.read(
                packed.getvalue(),
                encoding="ISO-8859-1",
                force_2d=True,
                max_features=limits.parcels + 1,
                read_geometry=shapes,
            )
        geometries = shapely.from_wkb(wkb) if shapes else np.empty(0, dtype=object)
    except Exception as error:  # whatever a broken file makes of the reader, it is the file's fault
        raise InvalidBody(f"The Shapefile cannot be read: {shorten(str(error), 80)}.", pointer=pointer) from None
    limits.check_vertices(int(shapely.get_num_coordinates(geometries).sum()))
    return list(meta["fields"]), list(geometries), [column.tolist() for column in columns]


class _Text:
    """Decode attribute text; what is not text stays as it is."""

    def __init__(self, cpg: bytes | None, columns: Sequence[Sequence[Any]], notes: list[Note]) -> None:
        self._codec = _named(cpg) or _sniffed(columns)
        self._notes = notes

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        raw = value.encode("latin-1", errors="replace")
        try:
            return raw.decode(self._codec).strip()
        except UnicodeDecodeError:
            if not any(note.code == "attribute-encoding" for note in self._notes):
                message = f"Attribute text is not entirely {self._codec}; characters were replaced."
                self._notes.append(Note("attribute-encoding", message))
            return raw.decode(self._codec, errors="replace").strip()


def _named(cpg: bytes | None) -> str | None:
    """Return the codec that a .cpg file names, None for one that is not read here."""
    name = (cpg or b"").decode("ascii", errors="ignore").strip().lower().replace("ansi ", "").replace("-", "")
    return _CODECS.get(name)


def _sniffed(columns: Sequence[Sequence[Any]]) -> str:
    for column in columns:
        for value in column:
            if isinstance(value, str):
                try:
                    value.encode("latin-1", errors="replace").decode("utf-8")
                except UnicodeDecodeError:
                    return "gb18030"
    return "utf-8"
