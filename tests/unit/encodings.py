"""Invented features for the tests of the writers: every type, edge values, and geometries of a kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from onemap.catalog import Collection, Field, TableInfo
from onemap.catalog.declare import offered_crs
from onemap.catalog.model import FieldType
from onemap.config import Text
from onemap.features.encode import Context, Options
from onemap.geo.crs import CRS84, Crs, crs_from_srid
from onemap.store import Batch

BSM = "420101199912310123"
LARGEST = 2**63 - 1
ZONE_37 = crs_from_srid(4525)
BOX = shapely.box(113.0, 30.0, 113.5, 30.25)
BOXES = shapely.MultiPolygon([BOX, shapely.box(114.0, 30.0, 114.5, 30.5)])


def field(name: str, kind: FieldType, zh: str = "", **more: Any) -> Field:
    return Field(name, kind, Text(zh=zh or name, en=name.lower()), **more)


FIELDS = (
    field("BSM", "string", "标识码", max_length=18),
    field("DLBM", "string", "地类编码"),
    field("WIDE", "integer", "大整数"),
    field("SJNF", "integer", "数据年份"),
    field("TBMJ", "number", "图斑面积", unit="m2"),
    field("SFJZ", "boolean", "是否建筑"),
    field("PZRQ", "date", "批准日期"),
    field("GXSJ", "datetime", "更新时间"),
)
ROWS: list[tuple[Any, ...]] = [
    (BSM, "0101", LARGEST, 2025, 12345.678, True, "2025-12-31", "2025-12-31T23:59:58.500Z"),
    ('汉字，"引号"\n换行', "=1+1", -(2**63), -5, 1.8e11 + 0.125, False, "1999-01-01", "2000-02-29T00:00:00Z"),
    (None, None, None, None, None, None, None, None),
]
COLUMNS = {item.name: [row[at] for row in ROWS] for at, item in enumerate(FIELDS)}


def collection(geometry_type: str = "POLYGON", fields: tuple[Field, ...] = FIELDS, **more: Any) -> Collection:
    storage = more.pop("storage", crs_from_srid(4490))
    table = TableInfo("dltb", "geom", geometry_type, storage.srid, "fid", fields)
    given = {"key": "fid", "level": "P", "crs": offered_crs(storage, (4525,)), **more}
    title, description = Text(zh="地类图斑", en="Land use"), Text(zh="说明", en="Description")
    return Collection("dltb", title, description, "store", table, fields=fields, storage=storage, **given)


def context(made: Collection | None = None, crs: Crs = CRS84, **more: Any) -> Context:
    known = made or collection()
    given = {"limit": 1000, "matched": None, "links": lambda _: [], "options": Options(), **more}
    return Context(known, known.fields, known.storage, crs, **given)


def batches(geometries: list[Any], columns: dict[str, Any] | None = None, size: int = 2) -> Iterator[Batch]:
    """Yield batches of ``size`` features, whose keys begin at 7."""
    values = COLUMNS if columns is None else columns
    for first in range(0, len(geometries), size):
        shapes = np.array([*geometries[first : first + size], None], dtype=object)[:-1]
        some = {name: column[first : first + len(shapes)] for name, column in values.items()}
        yield Batch(list(range(7 + first, 7 + first + len(shapes))), shapes, some)


def repeated(count: int) -> tuple[list[Any], dict[str, list[Any]]]:
    """Return ``count`` boxes, and the rows over and over."""
    shapes = [shapely.box(110 + at * 1e-3, 30, 110 + (at + 1) * 1e-3, 30.1) for at in range(count)]
    return shapes, {name: [values[at % len(values)] for at in range(count)] for name, values in COLUMNS.items()}
