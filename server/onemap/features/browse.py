"""What the items page shows beside the features: its form, what is asked for in words, and addresses that keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onemap.block import Call
from onemap.block.query import SHARED
from onemap.catalog import Field
from onemap.errors import ClientError
from onemap.features import encode
from onemap.features.conditions import Condition, operators
from onemap.features.form import Form, fields_of, query, read, without
from onemap.features.params import ITEMS
from onemap.query import selection
from onemap.store import View

MOST_ON_MAP = 2000
_FEW = 9
_SHOWN = ("q", "bbox", "datetime", "limit", "properties", "filter", "filter-lang", "next", "offset")
_START: dict[str, object] = {"next": None, "offset": None}
_WHOLE: dict[str, object] = {**_START, "limit": None}


@dataclass(frozen=True, slots=True)
class Row:
    """A property in the form."""

    field: Field
    operators: tuple[str, ...]
    condition: Condition


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that is asked for, and the address that asks for everything else. ``field``: None for parameters."""

    name: str
    href: str
    text: str = ""
    field: Field | None = None
    condition: Condition | None = None


def page(call: Call, view: View, names: Sequence[str] | None, limit: int) -> dict[str, Any]:
    """Return what the template needs. ``names``: the properties shown, None for all."""
    form = read(call, view)
    return _asked(call, view, form) | {
        "columns": view.only(names),
        "limit": limit,
        "chips": _chips(call, view, form),
        "sort": _sort(call),
        "sort_links": {field.name: _sorted(call, field.name) for field in selection.sortables(view)},
        "first": call.links.self(call.query, **_START) if {"next", "offset"} & call.query.keys() else "",
        "downloads": _downloads(call),
        "on_map": _on_map(call, view),
        "most_on_map": MOST_ON_MAP,
        "problem": None,
    }


def failed(call: Call, view: View, error: ClientError) -> dict[str, Any]:
    """Return what the template needs to show what was asked for and why it cannot be answered."""
    text = next(iter(call.query.get("limit", ())), "")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 10
    asked = _asked(call, view, read(call, view))
    # Their controls stand beside the table, which is not there.
    asked["kept"] += [(name, text) for name in ("limit", "properties") for text in call.query.get(name, ()) if text]
    return asked | {"columns": view.columns, "limit": limit, "problem": error}


def _asked(call: Call, view: View, form: Form) -> dict[str, Any]:
    """Return the form and what fills it in."""
    rows = _rows(view, form)
    return {
        "collection": view.collection,
        "all_columns": view.columns,
        "form": form,
        "given": {name: next(iter(call.query.get(name, ())), "") for name in ("q", "bbox", "datetime")},
        "kept": _kept(call, form),
        "rows": [row for row, front in rows if front],
        "other_rows": [row for row, front in rows if not front],
    }


def _rows(view: View, form: Form) -> list[tuple[Row, bool]]:
    """Return the rows of the form, each with whether it stands in front: all where there are few."""
    known = fields_of(view)
    made = []
    for name, field in known.items():
        condition = form.conditions.get(name, Condition(operators(field)[0]))
        useful = field.role or field.codes or name in view.collection.temporal or name in form.conditions
        made.append((Row(field, operators(field), condition), bool(useful) or len(known) <= _FEW))
    return made


def _kept(call: Call, form: Form) -> list[tuple[str, str]]:
    """Return the parameters that the form has no control for, to be sent on with it."""
    dropped = {*_SHOWN, *SHARED}
    kept = [(name, values[0]) for name, values in call.query.items() if name in ITEMS and name not in dropped]
    return [*kept, ("filter-lang", form.language)] if form.language != "cql2-text" else kept


def _chips(call: Call, view: View, form: Form) -> list[Chip]:
    def address(left: Form, **more: object) -> str:
        return call.links.self({}, **(query(call, view, left) | more))

    known = fields_of(view)
    made = [
        Chip(name, address(without(form, name)), field=known[name], condition=item)
        for name, item in form.conditions.items()
    ]
    if form.advanced:
        made.append(Chip("filter", address(without(form, None)), form.advanced))
    for name in ("q", "bbox", "datetime", "sortby"):
        if text := next(iter(call.query.get(name, ())), ""):
            made.append(Chip(name, address(form, **{name: None}), text))
    return made


def _sort(call: Call) -> dict[str, str]:
    """Return the direction of each property that is sorted by, as ``aria-sort`` says it; ``sortby`` is valid."""
    keys = [part.strip() for values in call.query.get("sortby", ()) for part in values.split(",")]
    return {key.lstrip("+-"): "descending" if key.startswith("-") else "ascending" for key in keys if key}


def _sorted(call: Call, name: str) -> str:
    """Return the address that sorts by a property: upwards, then downwards, then not."""
    following = {"ascending": f"-{name}", "descending": None}
    return call.links.self(call.query, **_START, sortby=following.get(_sort(call).get(name, ""), name))


def _downloads(call: Call) -> list[dict[str, str]]:
    """Return the files of the whole result, with the variants that people ask for by name."""
    variants: dict[str, list[dict[str, str]]] = {
        "csv": [{"headers": call.lang}, {"headers": "name"}],
        "shp": [{"encoding": "utf-8"}, {"encoding": "gbk"}],
    }
    return [
        {
            "title": item.title,
            "type": item.format.media_type,
            "option": "".join(more.values()),
            "href": call.links.self(call.query, **_WHOLE, f=item.format.name, **more),
        }
        for item in encode.DOWNLOADS
        for more in variants.get(item.format.name, [{}])
    ]


def _on_map(call: Call, view: View) -> dict[str, str]:
    """Return the addresses of the shapes: of the page, and of the whole result up to ``MOST_ON_MAP``."""
    plain: dict[str, object] = {"f": "json", "crs": None, "skipGeometry": None}
    plain["properties"] = view.collection.colour_by if view.column(view.collection.colour_by or "") else ""
    return {
        "page": call.links.self(call.query, **plain),
        "whole": call.links.self(call.query, **(_START | plain), limit=MOST_ON_MAP),
    }
