"""Rows on which the abstract tests of CQL2 are tried, and the ids that a filter finds in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import shapely

from onemap.cql import Column, ColumnType, parse_json, parse_text, place, write_json
from onemap.geo.crs import CRS84

Find = Callable[[str], set[int]]
TYPES: Mapping[str, ColumnType] = {
    "地名": "string",
    "alias": "string",
    "code": "integer",
    "people": "integer",
    "area": "number",
    "open": "boolean",
    "founded": "date",
    "surveyed": "date",
    "opens": "datetime",
    "closes": "datetime",
    "geom": "geometry",
    "uses": "array",
}
COLUMNS = {name: Column(f'"{name}"', kind, 4326) for name, kind in TYPES.items()}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _row(*values: Any) -> dict[str, Any]:
    row = dict(zip(TYPES, values, strict=True))
    row["geom"] = None if row["geom"] is None else shapely.from_wkt(row["geom"])
    for name in ("founded", "surveyed"):
        row[name] = _day(row[name])
    for name in ("opens", "closes"):
        row[name] = _moment(row[name])
    return row


ROWS = [
    _row("云溪镇", "Yúnxī", 440100000000000001, 1200, 10.5, True, "1952-03-01", "2020-06-30",
         "2021-03-01T08:00:00", "2021-09-30T18:00:00", "POINT (7.02 49.92)", ["farm", "forest"]),
    _row("白石乡", "yunxi", 440100000000000002, 800, 4.25, False, "1978-12-18", "2022-04-14",
         "2021-01-01T00:00:00", "2021-12-31T23:59:59", "POINT (-30 -45)", ["farm"]),
    _row("Straße", "STRASSE", 1, 0, 3.14, True, "2022-04-14", None,
         "2022-04-14T14:48:46", "2022-04-14T15:52:56", "LINESTRING (-100 -45, -80 -45)", []),
    _row("100%_rein", "it's", 2, 5, 0.0, False, None, "2022-04-15",
         "2020-01-01T00:00:00", None, "LINESTRING (0 0, 20 20)", ["water", "farm", "water"]),
    _row("龙河村", "ÄÉ", 3, -7, 100.0, None, "2021-06-01", "2021-06-02",
         "2020-05-05T05:05:05", "2021-01-01T00:00:00", "POLYGON ((5 5, 15 5, 15 15, 5 15, 5 5))", ["forest", "farm"]),
    _row("Foobar", "foo", 4, 1200, None, True, "2021-12-31", "2022-01-01",
         "2021-12-31T23:59:59", "2022-02-01T00:00:00", "POLYGON ((10 0, 20 0, 20 10, 10 10, 10 0))", ["road"]),
    _row("bell\a\b\t\n\v\f\rend", None, None, 12, 2.5, True, "2000-02-29", "2000-03-01",
         None, None, "POINT (179.5 10)", None),
    _row("", "Ah!", 5, None, -1.5, False, "2010-10-10", "2011-11-11",
         "2021-01-01T00:00:00", "2021-06-30T00:00:00", None, ["farm", "forest", "water"]),
]  # fmt: skip
ALL = set(range(len(ROWS)))


def finder(answer: Callable[[Any], list[bool | None]]) -> Find:
    """Return a function that finds the rows for which a filter is true, by its text and by its JSON form."""

    def find(text: str) -> set[int]:
        tree = parse_text(text)
        assert parse_json(json.dumps(write_json(tree))) == tree
        return {number for number, value in enumerate(answer(place(tree, CRS84, CRS84))) if value is True}

    return find


def of_type(*kinds: str) -> list[str]:
    """Return the queryables of these types, quoted."""
    return [f'"{name}"' for name, kind in TYPES.items() if kind in kinds]


def present(name: str) -> set[int]:
    """Return the rows that have a value for a queryable."""
    return {number for number, row in enumerate(ROWS) if row[name.strip('"')] is not None}
