"""Members of a result that no chapter of its own knows: tables from lists of objects, lines from single values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onemap.processes.nesting import is_result
from onemap.processes.reports.content import Chapter, Column, Kind, Table
from onemap.processes.reports.words import Words

_HEAD = {
    "process",
    "rules",
    "areaDefinition",
    "parcels",
    "data",
    "warnings",
    "verdict",
    "purpose",
    "classes",
    "groups",
    "regions",
    "remainder",
    "evidence",
}
_WIDE = 60
_MOST_COLUMNS = 24
_AREA_KEYS = {"area": "area", "areaRounded": "area", "hectares": "hectares", "mu": "mu", "share": "share"}
_KINDS: Mapping[str, Kind] = _AREA_KEYS | {"distance": "metres", "coverage": "share"}  # type: ignore[assignment]


def plain_chapter(result: Mapping[str, Any], words: Words, layers_told: bool) -> Chapter | None:
    """Return a chapter of the members that are told nowhere else; None when there are none."""
    left = {key: value for key, value in result.items() if key not in _HEAD and not is_result(value)}
    if layers_told:
        left.pop("layers", None)
    tables = [table for key, value in left.items() for table in _tables(key, value, words)]
    single = {key: value for key, value in left.items() if _scalar(value) and value is not None}
    if single:
        tables.insert(0, _pairs("facts", words("facts"), single, words))
    return Chapter(words("facts"), tables=tables) if tables else None


def _tables(key: str, value: Any, words: Words) -> Iterator[Table]:
    if isinstance(value, Mapping):
        if value.get("type") == "FeatureCollection":
            return
        if value and all(isinstance(item, Mapping) and "type" not in item for item in value.values()):
            yield _of_rows(key, [{"code": words(str(name)), **item} for name, item in value.items()], words)
        elif value and all(_scalar(item) for item in value.values()):
            yield _pairs(key, words(key), value, words)
        else:
            for name, item in value.items():
                yield from _tables(f"{key}.{name}", item, words)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        rows = [item for item in value if isinstance(item, Mapping)]
        yield _of_rows(key, rows if len(rows) == len(value) else [{"text": _flat(item)} for item in value], words)


def _pairs(key: str, title: str, values: Mapping[str, Any], words: Words) -> Table:
    rows = [{"name": words(name), "text": value} for name, value in values.items()]
    return Table(key, title, [Column("name", words("name"), width=24), Column("text", words("text"), width=40)], rows)


def _of_rows(key: str, items: Sequence[Mapping[str, Any]], words: Words) -> Table:
    rows = [dict(_flattened(item)) for item in items]
    keys = list(dict.fromkeys(name for row in rows for name in row))[:_MOST_COLUMNS]
    title = words(key.rsplit(".", 1)[-1])
    return Table(key, title, [_column(name, rows, words) for name in keys], rows)


def _column(name: str, rows: Sequence[Mapping[str, Any]], words: Words) -> Column:
    values = [row[name] for row in rows if row.get(name) is not None]
    last = name.rsplit(".", 1)[-1]
    title = words(last) if "." not in name else f"{words(name.rsplit('.', 1)[0])}: {words(last)}"
    numbers = values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers:
        whole = all(isinstance(value, int) for value in values)
        return Column(
            name, title, _KINDS.get(last, "hectares" if _ministry(last) else "integer" if whole else "number")
        )
    width = max((len(str(value)) for value in values), default=8)
    return Column(name, title, "text", max(10, min(_WIDE, width + 2)))


def _ministry(key: str) -> bool:
    """Whether a key is a field of the ministry's tables, whose areas are hectares with four places."""
    return key.isupper() and key.endswith("MJ")


def _flattened(item: Mapping[str, Any], begin: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and values of an object, those of objects in it with dots; geometries are left out."""
    for key, value in item.items():
        if key in ("geometry", "place") or (isinstance(value, Mapping) and "coordinates" in value):
            continue
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{begin}{key}.")
        else:
            yield begin + key, value if _scalar(value) else _flat(value)


def _flat(value: Any) -> str:
    """Return a list as a line of text."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return "" if value is None else str(value)
    named = (item.get("title") or item.get("id") or item if isinstance(item, Mapping) else item for item in value)
    return "; ".join(str(item) for item in named)[:500]


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
