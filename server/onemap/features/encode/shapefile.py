"""Write features as zipped Shapefiles, by GDAL; coordinates in x, y of the CRS asked for.

One Shapefile for each family of geometries (points, lines, polygons); features without geometry go with the
family that the collection declares. ``_fields.csv`` in the archive leads from the short field names back to
the full ones and says what could not be kept; see ``dbase`` for what that is. .prj is ESRI WKT.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from onemap.encode.dbase import Fitted, field_list, short_names
from onemap.features.encode.background import Check, file_stream
from onemap.features.encode.columns import arrow_schema, record_batch, wkb_array
from onemap.features.encode.context import Context, limited, placed
from onemap.features.encode.spool import Spool
from onemap.store import Batch

_FAMILIES = {"point": (0, 4), "line": (1, 2, 5), "polygon": (3, 6)}
_TYPES = {"point": "Point", "line": "LineString", "polygon": "Polygon"}
_BUILD = {"point": shapely.multipoints, "line": shapely.multilinestrings, "polygon": shapely.multipolygons}
_GEOMETRY = "shapefile_geometry"  # longer than any field name
_DECLARED = {"POINT": "point", "LINESTRING": "line"}


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield the archive once it is made."""
    return file_stream(_make, batches, context)


def _make(batches: Iterator[Batch], context: Context, folder: Path, check: Check) -> Path:
    fields = _fields(context)
    spools = _spooled(batches, context, fields, folder)
    written = {name: spool for name, spool in spools.items() if spool.count} or _declared(spools, context)
    path, parts = folder / "features.zip", folder / "parts"
    parts.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for family, spool in written.items():
            stem = context.collection.id + (f"_{family}" if len(written) > 1 else "")
            _write_family(spool, family, context, fields, (parts / f"{stem}.shp", check))
            for part in sorted(parts.iterdir()):
                archive.write(part, part.name)
                part.unlink()
        archive.writestr("_fields.csv", field_list(fields))
    return path


def _declared(spools: dict[str, Spool], context: Context) -> dict[str, Spool]:
    """Return the spool of the family that the collection declares, for features without geometry."""
    name = _DECLARED.get(context.collection.table.geometry_type.removeprefix("MULTI"), "polygon")
    return {name: spools[name]}


def _fields(context: Context) -> list[Fitted]:
    sources = [*([None] if context.key_column else []), *context.fields]
    originals = [source.name if source else str(context.key_column) for source in sources]
    short = short_names(originals, context.options.encoding)
    return [Fitted(*item) for item in zip(short, originals, sources, strict=True)]


def _spooled(batches: Iterator[Batch], context: Context, fields: list[Fitted], folder: Path) -> dict[str, Spool]:
    """Put the features aside by family."""
    full = arrow_schema(context)
    geometry = full.field(len(fields))
    kinds = [pa.string() if pa.types.is_timestamp(item.type) else item.type for item in full][:-1]
    held = [pa.field(item.name, kind) for item, kind in zip(fields, kinds, strict=True)]
    schema = pa.schema([*held, geometry.with_name(_GEOMETRY)])
    fallback = next(iter(_declared(dict.fromkeys(_FAMILIES), context)))  # type: ignore[arg-type]
    spools = {name: Spool(folder / f"{name}.arrow", schema) for name in _FAMILIES}
    with ExitStack() as stack:
        for spool in spools.values():
            stack.enter_context(spool)
        for batch in limited(batches, context):
            shapes = placed(batch, context)
            plain = record_batch(batch, context, full, shapes).columns[:-1]
            columns = [item.fit(array, context.options.encoding) for item, array in zip(fields, plain, strict=True)]
            for name, at, some in _by_family(shapes, fallback):
                taken = [array.take(pa.array(at)) for array in columns]
                spools[name].write(pa.record_batch([*taken, wkb_array(some)], schema=schema), some)
    return spools


def _by_family(
    shapes: NDArray[np.object_], fallback: str
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.object_]]]:
    """Yield for each family the places of its features and their geometries; a collection is taken apart."""
    kinds = shapely.get_type_id(shapes)
    collections = np.flatnonzero(kinds == 7)
    for name, family in _FAMILIES.items():
        at = np.flatnonzero(np.isin(kinds, family) | ((kinds < 0) & (name == fallback)))
        if len(at):
            yield name, at, shapes[at]
        parts = [(place, part) for place in collections if (part := _part(shapes[place], name)) is not None]
        if parts:
            yield name, np.array([place for place, _ in parts]), np.array([part for _, part in parts], dtype=object)


def _part(collection: Any, family: str) -> Any:
    """Return the parts of a collection that belong to a family as one geometry, or None."""
    parts = shapely.get_parts(shapely.get_parts(collection))
    own = parts[np.isin(shapely.get_type_id(parts), _FAMILIES[family])]
    return _BUILD[family](own) if len(own) else None


def _write_family(
    spool: Spool, family: str, context: Context, fields: list[Fitted], target: tuple[Path, Check]
) -> None:
    import pyogrio.raw  # loads GDAL

    path, check = target
    kinds = [pa.string() if item.as_text else held.type for item, held in zip(fields, spool.schema, strict=False)]
    named = [pa.field(item.name, kind) for item, kind in zip(fields, kinds, strict=True)]
    schema = pa.schema([*named, spool.schema.field(len(fields))])

    def turn(batch: Any) -> Any:
        columns = [item.turn(array) for item, array in zip(fields, batch.columns, strict=False)]
        return pa.record_batch([*columns, batch.columns[-1]], schema=schema)

    pyogrio.raw.write_arrow(
        spool.reader(schema, check, turn),
        path,
        driver="ESRI Shapefile",
        geometry_name=_GEOMETRY,
        geometry_type=spool.geometry_type(_TYPES[family]),
        crs=f"EPSG:{context.crs.srid}",
        encoding=context.options.encoding.upper(),
    )
