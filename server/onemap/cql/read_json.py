"""CQL2 JSON to the filter tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from pygeofilter import ast, values

from onemap.cql.geojson import read_bbox, read_geometry
from onemap.cql.instants import OPEN, backwards, parse_date, parse_instant, parse_timestamp
from onemap.cql.json_source import check_number, check_text, load
from onemap.cql.lexer import IDENTIFIER, RESERVED_CALLS
from onemap.cql.limits import MOST_DEPTH, MOST_ITEMS, check_tree
from onemap.cql.nodes import ARITHMETIC, COMPARISONS, FOLDS, PREDICATES, Tree, combine, like
from onemap.errors import InvalidParameter, nearest

_CHAINS: Mapping[str, type[ast.Combination]] = {"and": ast.And, "or": ast.Or}


def parse_json(source: str | Mapping[str, Any] | bool) -> Tree:
    """Return the tree of a filter in CQL2 JSON (OGC 21-065r2, Annex A): a JSON text, or one that ``load`` has read.

    Raises InvalidParameter with the JSON pointer of what is wrong, or when a limit is exceeded.
    """
    tree = _node(load(source) if isinstance(source, str) else source, "", 0)
    check_tree(tree)
    return tree


def refuse(pointer: str, detail: str, hint: str = "") -> NoReturn:
    """Raise InvalidParameter for the place that a JSON pointer names."""
    raise InvalidParameter(f"The filter is not CQL2 JSON: at '{pointer or '/'}': {detail}.", hint, pointer=pointer)


def _node(value: Any, pointer: str, depth: int) -> Tree:
    if depth > MOST_DEPTH:
        refuse(pointer, f"the filter is nested more than {MOST_DEPTH} deep")
    match value:
        case str():
            check_text(value)
            return value
        case bool() | int() | float():
            return check_number(value)
        case list():
            return _items(value, pointer, depth)
        case {"op": str(op), "args": list(args), **others}:
            _only(map(str, others), pointer, "op and args")
            return _operation(op, args, pointer, depth)
        case dict():
            return _literal(value, pointer, depth)
    hint = "To test for a missing value use isNull." if value is None else ""
    return refuse(pointer, f"{_shown(value)} is not an expression", hint)


def _shown(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def _only(others: Iterable[str], pointer: str, allowed: str) -> None:
    for other in others:
        refuse(pointer, f"the member '{other[:40]}' does not belong here", f"Allowed: {allowed}.")


def _items(items: list[Any], pointer: str, depth: int) -> list[Tree]:
    if len(items) > MOST_ITEMS:
        refuse(pointer, f"the list has more than {MOST_ITEMS} items")
    return [_node(item, f"{pointer}/{number}", depth + 1) for number, item in enumerate(items)]


def _literal(value: dict[str, Any], pointer: str, depth: int) -> Tree:
    for name, read in _LITERALS.items():
        if name in value:
            _only((key for key in value if key != name), pointer, name)
            return read(value[name], f"{pointer}/{name}", depth)
    if "type" in value:
        return read_geometry(value, pointer, refuse)
    if "op" in value:
        refuse(pointer, "'op' must be a text and 'args' an array")
    hint = "Allowed: op and args, property, date, timestamp, interval, bbox, or a GeoJSON geometry."
    return refuse(pointer, "an object of no known kind", hint)


def _property(value: Any, pointer: str, _: int) -> Tree:
    if not isinstance(value, str) or not value:
        refuse(pointer, "the name of a property must be a text")
    check_text(value)
    return ast.Attribute(value)


def _date(value: Any, pointer: str, _: int) -> Tree:
    day = parse_date(value) if isinstance(value, str) else None
    return day or refuse(pointer, "not a date that exists", 'Write {"date": "2025-12-31"}.')


def _timestamp(value: Any, pointer: str, _: int) -> Tree:
    moment = parse_timestamp(value) if isinstance(value, str) else None
    return moment or refuse(pointer, "not a timestamp in UTC", 'Write {"timestamp": "2025-12-31T08:00:00Z"}.')


def _interval(value: Any, pointer: str, depth: int) -> Tree:
    if not isinstance(value, list) or len(value) != 2:
        refuse(pointer, "an interval is an array of a start and an end")
    interval = values.Interval(*(_end(item, f"{pointer}/{place}", depth) for place, item in enumerate(value)))
    if backwards(interval):
        refuse(pointer, "the interval ends before it starts")
    return interval


def _end(value: Any, pointer: str, depth: int) -> Tree:
    if not isinstance(value, str):
        return _node(value, pointer, depth + 1)
    instant = parse_instant(value)
    if instant is None and value != OPEN:
        refuse(pointer, "no end of an interval", 'Write "2025-12-31", "2025-12-31T08:00:00Z" or "..".')
    return instant


_LITERALS: Mapping[str, Callable[[Any, str, int], Tree]] = {
    "property": _property,
    "date": _date,
    "timestamp": _timestamp,
    "interval": _interval,
    "bbox": lambda value, pointer, _: read_bbox(value, pointer, refuse),
}


def _operation(op: str, args: list[Any], pointer: str, depth: int) -> Tree:
    inside = pointer + "/args"
    if op in _CHAINS:
        _count(args, inside, op, 2, None)
        return combine(_CHAINS[op], _items(args, inside, depth))
    if op == "in":
        return _in(args, inside, depth)
    build, least = _BUILDERS.get(op, (None, 0))
    if build is None:
        _misspelt(op, pointer)
        return ast.Function(op, _items(args, inside, depth))
    _count(args, inside, op, least, least)
    return build(*_items(args, inside, depth))


def _count(args: list[Any], pointer: str, op: str, least: int, most: int | None) -> None:
    if len(args) < least or (most is not None and len(args) > most):
        wanted = str(least) if most is not None else f"at least {least}"
        refuse(pointer, f"'{op}' takes {wanted} arguments, not {len(args)}")


def _in(args: list[Any], pointer: str, depth: int) -> Tree:
    _count(args, pointer, "in", 2, 2)
    if not isinstance(args[1], list) or not args[1]:
        refuse(pointer + "/1", "'in' takes a list of at least one value")
    return ast.In(_node(args[0], pointer + "/0", depth + 1), _items(args[1], pointer + "/1", depth + 1), not_=False)


def _misspelt(op: str, pointer: str) -> None:
    """Refuse an operator of CQL2 in another case, and what cannot be the name of a function."""
    known = [*_BUILDERS, *_CHAINS, "in"]
    right = next((name for name in known if name.lower() == op.lower()), None)
    if right:
        refuse(pointer + "/op", f"the operator is written '{right}', not '{op[:40]}'")
    if not IDENTIFIER.fullmatch(op) or op.upper() in RESERVED_CALLS:
        guess = nearest(op, known)
        refuse(pointer + "/op", f"there is no operator '{op[:40]}'", f"Did you mean '{guess}'?" if guess else "")


_BUILDERS: Mapping[str, tuple[Callable[..., Tree] | None, int]] = {
    **{name: (kind, 2) for name, kind in {**COMPARISONS, **ARITHMETIC, **PREDICATES}.items()},
    **{name: (kind, 1) for name, kind in FOLDS.items()},
    "not": (ast.Not, 1),
    "like": (like, 2),
    "between": (lambda value, low, high: ast.Between(value, low, high, not_=False), 3),
    "isNull": (lambda value: ast.IsNull(value, not_=False), 1),
}
