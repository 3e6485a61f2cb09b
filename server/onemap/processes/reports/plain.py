"""Members of a result that no chapter of its own knows: tables from lists of objects, lines from single values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from onemap.processes.nesting import is_result
from onemap.processes.reports.content import Chapter, Column, Kind, Table
from onemap.processes.reports.words import Words

_HEAD = {
    "process", "rules", "areaDefinition", "parcels", "data", "warnings", "verdict", "purpose",
    "classes", "groups", "regions", "remainder",
}  # fmt: skip
_GROSS = "gross"
_WIDE = 60
_MOST_COLUMNS = 24
_KINDS: Mapping[str, Kind] = {
    "area": "area", "areaRounded": "area", "hectares": "hectares", "mu": "mu", "share": "share",
    "distance": "metres", "coverage": "share",
}  # fmt: skip
_CODED = ("status", "verdict", "group", "ownership", "level", "severity")
_MEASURE = ("area", "areaRounded", "hectares")


def plain_chapter(result: Mapping[str, Any], words: Words, known: Sequence[str]) -> Chapter | None:
    """Return a chapter of the members that are told nowhere else; None when there are none.

    ``known``: members that chapters of their own have told.
    """
    told = _HEAD & set(known) | (_HEAD - {"classes", "groups", "regions", "remainder"})
    left = {key: value for key, value in result.items() if key not in told | set(known) and not is_result(value)}
    tables = list(_facts({key: value for key, value in left.items() if key != _GROSS}, words))
    tables += [replace(item, detail=True) for item in _facts({_GROSS: left[_GROSS]}, words)] if _GROSS in left else []
    return Chapter(words("facts"), tables=tables) if tables else None


def _facts(members: Mapping[str, Any], words: Words) -> Iterator[Table]:
    """Yield the single values, the areas wherever they are, then a table for each member that holds more."""
    single = {key: value for key, value in members.items() if _scalar(value) and value is not None}
    if single:
        yield _pairs("facts", words("facts"), single, words)
    measures = list(_measures(members, ()))
    if measures:
        rows = [{"item": words.path(*path), **item} for path, item in measures]
        columns = [Column("item", words("item"), width=30)]
        columns += [Column(key, words(key), _KINDS[key], 16) for key in ("areaRounded", "hectares")]
        yield Table(f"areas:{next(iter(members))}", words("areas"), columns, rows)
    for key, value in members.items():
        if not _scalar(value):
            yield from _tables((key,), value, words)


def _measures(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield every object that says an area, with the path to it; lists are tables of their own."""
    if not isinstance(value, Mapping):
        return
    if path and "areaRounded" in value:
        yield path, value
    for key, inner in value.items():
        yield from _measures(inner, (*path, key))


def _tables(path: tuple[str, ...], value: Any, words: Words) -> Iterator[Table]:
    """Yield the tables of a member, but for its areas."""
    if isinstance(value, Mapping):
        if value.get("type") in ("FeatureCollection", "Feature"):
            return
        single = {key: item for key, item in value.items() if _scalar(item) and item is not None}
        if "areaRounded" in value:
            single = {key: item for key, item in single.items() if key not in _MEASURE}
        if single:
            yield _pairs(".".join(path), words.path(*path), single, words)
        for key, item in value.items():
            if not _scalar(item):
                yield from _tables((*path, key), item, words)
    elif value:
        rows = [item for item in value if isinstance(item, Mapping)]
        rows = rows if len(rows) == len(value) else [{"text": _flat(item)} for item in value]
        yield _of_rows(path, rows, words)


def _pairs(key: str, title: str, values: Mapping[str, Any], words: Words) -> Table:
    rows = [{"name": words(name), "text": _said(name, value, words), "kind": _kind(name)}
            for name, value in values.items()]  # fmt: skip
    columns = [Column("name", words("item"), width=24), Column("text", words("text"), width=40, own_kinds=True)]
    return Table(key, title, columns, rows)


def _of_rows(path: tuple[str, ...], items: Sequence[Mapping[str, Any]], words: Words) -> Table:
    rows = [{key: _said(key, value, words) for key, value in _flattened(item)} for item in items]
    keys = list(dict.fromkeys(name for row in rows for name in row))
    if "areaRounded" in keys:
        keys = [key for key in keys if key != "area"]
    return Table(".".join(path), words.path(*path), [_column(name, rows, words) for name in keys[:_MOST_COLUMNS]], rows)


def _said(key: str, value: Any, words: Words) -> Any:
    """Return a value as it is read: codes in words, yes and no."""
    last = key.rsplit(".", 1)[-1]
    if isinstance(value, bool):
        return words("yes" if value else "no")
    if isinstance(value, str) and last == "process":
        return words.process(value)
    return words(value) if isinstance(value, str) and last in _CODED else value


def _kind(name: str) -> Kind:
    return _KINDS.get(name, "hectares" if _ministry(name) else "number")


def _column(name: str, rows: Sequence[Mapping[str, Any]], words: Words) -> Column:
    values = [row[name] for row in rows if row.get(name) is not None]
    last = name.rsplit(".", 1)[-1]
    title = words.path(*name.split("."))
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        whole = all(isinstance(value, int) for value in values) and not _ministry(last)
        return Column(name, title, _KINDS.get(last, "integer") if whole else _kind(last), 16)
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
