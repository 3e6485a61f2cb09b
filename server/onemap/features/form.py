"""The form of the items page: its plain fields become the parameters of the API, and those fill it in again.

Fields of one property are named ``where.NAME.op``, ``where.NAME.value`` and ``where.NAME.upto``. A request with such
fields is answered with the address that asks the same by ``NAME=value`` and ``filter``, so that the form needs no
script, and downloads, maps and bookmarks have one address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pygeofilter import ast

from onemap.block import Call
from onemap.block.query import SHARED
from onemap.catalog import Field
from onemap.cql import Tree, all_of, write_text
from onemap.cql.nodes import operands
from onemap.errors import InvalidParameter
from onemap.features.conditions import Condition, from_node, operators, to_node
from onemap.features.params import ITEMS
from onemap.query import filters
from onemap.store import View

PREFIX = "where."
_OWN = ("q", "bbox", "datetime", "filter", "limit", "properties", "sortby")
_NOT_KEPT = ("filter", "filter-lang", "next", "offset", "properties")


@dataclass(frozen=True, slots=True)
class Form:
    """What the form holds: a condition for each of some properties, and the rest of the filter as text.

    ``language``: that of ``advanced``.
    """

    conditions: Mapping[str, Condition] = field(default_factory=dict)
    advanced: str = ""
    language: str = "cql2-text"


def posted(call: Call) -> bool:
    """Whether a request holds fields as a form sends them: its own, empty ones, or one for each ticked box."""
    empty = any(call.query.get(name) == [""] for name in _OWN)
    return empty or len(call.query.get("properties", ())) > 1 or any(name.startswith(PREFIX) for name in call.query)


def fields_of(view: View) -> dict[str, Field]:
    """Return the fields that the form has conditions for."""
    return {name: item for name, item in filters.queryables(view).items() if item}


def read(call: Call, view: View) -> Form:
    """Return the form as a request fills it in, be the request right or wrong."""
    known = fields_of(view)
    text, language = _first(call, "filter"), _first(call, "filter-lang") or "cql2-text"
    own = {name: Condition("eq", _first(call, name)) for name in known if name in call.query and name not in ITEMS}
    own |= {name: item for name in known if (item := _posted(call, name, known[name])) and not item.blank}
    if posted(call) or not text:
        return Form(own, text, language)
    return _split(Form(own, text, language), known)


def query(call: Call, view: View, form: Form) -> dict[str, object]:
    """Return the query that asks for what a form holds, from the first page on. Raises InvalidParameter."""
    known = fields_of(view)
    asked: dict[str, object] = {name: text for name, text in _kept(call, known).items() if text}
    names = [name for values in call.query.get("properties", ()) for name in values.split(",") if name]
    if names and set(names) != {item.name for item in view.columns}:
        asked["properties"] = ",".join(names)
    plain = [name for name, item in form.conditions.items() if item.op == "eq" and name not in (*ITEMS, *SHARED)]
    asked |= {name: form.conditions[name].value for name in plain}
    nodes = [to_node(known[name], item) for name, item in form.conditions.items() if name not in plain]
    return asked | _filter(form, nodes)


def without(form: Form, name: str | None) -> Form:
    """Return the form without the condition of a property, or (None) without its text."""
    if name is None:
        return replace(form, advanced="")
    return replace(form, conditions={key: item for key, item in form.conditions.items() if key != name})


def _first(call: Call, name: str) -> str:
    return next(iter(call.query.get(name, ())), "")


def _posted(call: Call, name: str, item: Field) -> Condition | None:
    op, value, upto = (_first(call, f"{PREFIX}{name}.{part}") for part in ("op", "value", "upto"))
    return Condition(op or operators(item)[0], value, upto if op == "between" else "") if op or value else None


def _kept(call: Call, known: Mapping[str, Field]) -> dict[str, str]:
    """Return what stays of a request beside its conditions and its place in the pages."""
    names = [name for name in call.query if not name.startswith(PREFIX)]
    dropped = {*_NOT_KEPT, *(name for name in known if name not in ITEMS)}
    return {name: _first(call, name) for name in names if name not in dropped}


def _filter(form: Form, nodes: list[ast.Node]) -> dict[str, object]:
    """Return the parameters of the conditions and the text of the form; a text that stands alone stays as it is."""
    text = form.advanced.strip()
    if text and not nodes:
        lang = None if form.language == "cql2-text" else form.language
        return {"filter": text, "filter-lang": lang}
    rest: list[Tree] = [_parse(text, form.language)] if text else []
    whole = all_of([*nodes, *rest])
    return {} if whole is None else {"filter": write_text(whole)}


def _parse(text: str, language: str) -> Tree:
    return filters.LANGUAGES.get(language, filters.LANGUAGES["cql2-text"])(text)


def _split(form: Form, known: Mapping[str, Field]) -> Form:
    """Return the form with the conditions that it has fields for taken out of its text."""
    try:
        parts = operands(_parse(form.advanced, form.language), ast.And)
    except InvalidParameter:
        return form
    conditions, rest = dict(form.conditions), []
    for part in parts:
        found = from_node(part, known)
        if found and found[0] not in conditions:
            conditions[found[0]] = found[1]
        else:
            rest.append(part)
    if len(rest) == len(parts):
        return form
    left = all_of(rest)
    return Form(conditions, "" if left is None else write_text(left))
