"""Conditions of the filter form: an operator and its values for one property, to filter nodes and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pygeofilter import ast

from onemap.catalog import Field
from onemap.cql import Literal, Tree, at_least, at_most, contains_text, equals, is_null, starts_with
from onemap.cql.nodes import CaseI
from onemap.errors import InvalidParameter
from onemap.query.filters import parse_value

_OPERATORS: Mapping[str, tuple[str, ...]] = {
    "codes": ("eq", "ne", "starts", "null", "some"),
    "string": ("contains", "starts", "eq", "ne", "null", "some"),
    "number": ("between", "eq", "ne", "null", "some"),
    "integer": ("between", "eq", "ne", "null", "some"),
    "boolean": ("eq", "null", "some"),
    "date": ("between", "null", "some"),
    "datetime": ("between", "null", "some"),
}
_VALUELESS = ("null", "some")
_END_OF_DAY = "T23:59:59.999Z"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the form asks of one property. ``op``: one of ``operators``; ``upto``: the upper end of ``between``."""

    op: str
    value: str = ""
    upto: str = ""

    @property
    def blank(self) -> bool:
        """Whether nothing is asked."""
        return self.op not in _VALUELESS and not self.value and not self.upto


def operators(field: Field) -> tuple[str, ...]:
    """Return the operators that the form offers for a field, the usual one first."""
    return _OPERATORS["codes" if field.codes and field.codes.titles else field.type]


def to_node(field: Field, condition: Condition) -> ast.Node:
    """Return the filter of a condition. Raises InvalidParameter for a value that is not of the field's type."""
    if condition.op not in operators(field):
        raise InvalidParameter(f"'{field.name}' has no operator '{condition.op[:20]}'.", "Choose one of the form.")
    return _NODES[condition.op](field, condition)


def from_node(node: Tree, fields: Mapping[str, Field]) -> tuple[str, Condition] | None:
    """Return the property and the condition that a filter stands for; None when the form has no such condition."""
    found = _read(node)
    field = fields.get(found[0]) if found else None
    if found is None or field is None or found[1].op not in operators(field) or not _fits(field, found[1]):
        return None
    return found


def _fits(field: Field, condition: Condition) -> bool:
    try:
        to_node(field, condition)
    except InvalidParameter:
        return False
    return True


def _literal(field: Field, text: str) -> Literal:
    value = parse_value(text.strip(), field) if field.type != "string" else text
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _between(field: Field, condition: Condition) -> ast.Node:
    low = _literal(field, condition.value) if condition.value else None
    high = _literal(field, condition.upto) if condition.upto else None
    if high is not None and field.type == "datetime" and len(str(high)) == len("2025-12-31"):
        high = f"{high}{_END_OF_DAY}"
    if low is not None and high is not None:
        return ast.Between(ast.Attribute(field.name), low, high, not_=False)
    return at_least(field.name, low) if low is not None else at_most(field.name, "" if high is None else high)


_NODES: Mapping[str, Callable[[Field, Condition], ast.Node]] = {
    "eq": lambda field, asked: equals(field.name, _literal(field, asked.value)),
    "ne": lambda field, asked: ast.NotEqual(ast.Attribute(field.name), _literal(field, asked.value)),
    "contains": lambda field, asked: contains_text(field.name, asked.value),
    "starts": lambda field, asked: starts_with(field.name, asked.value),
    "between": _between,
    "null": lambda field, _: is_null(field.name),
    "some": lambda field, _: ast.Not(is_null(field.name)),
}
_COMPARISONS: Mapping[type[Any], Callable[[str], Condition]] = {
    ast.Equal: lambda text: Condition("eq", text),
    ast.NotEqual: lambda text: Condition("ne", text),
    ast.GreaterEqual: lambda text: Condition("between", text),
    ast.LessEqual: lambda text: Condition("between", "", text),
}


def _read(node: Tree) -> tuple[str, Condition] | None:
    """Return the condition of a node as it stands, whatever the type of its property."""
    if isinstance(node, ast.Not) and isinstance(node.sub_node, ast.IsNull):
        return _named(node.sub_node.lhs, Condition("some"))
    if isinstance(node, ast.IsNull):
        return _named(node.lhs, Condition("null"))
    if isinstance(node, ast.Like):
        return _like(node)
    if isinstance(node, ast.Between):
        low, high = _text(node.low), _text(node.high)
        return _named(node.lhs, Condition("between", low, high)) if low and high else None
    text = _text(node.rhs) if type(node) in _COMPARISONS else None
    return _named(node.lhs, _COMPARISONS[type(node)](text)) if text else None


def _named(node: Tree, condition: Condition) -> tuple[str, Condition] | None:
    return (node.name, condition) if isinstance(node, ast.Attribute) else None


def _like(node: Any) -> tuple[str, Condition] | None:
    """Return the condition of a LIKE whose pattern is what ``contains`` or ``starts`` would write."""
    folded = isinstance(node.lhs, CaseI) and isinstance(node.pattern, CaseI)
    subject, pattern = (node.lhs.sub_node, node.pattern.sub_node) if folded else (node.lhs, node.pattern)
    if not isinstance(subject, ast.Attribute) or not isinstance(pattern, str):
        return None
    plain = pattern.strip("%").replace("\\%", "%").replace("\\_", "_").replace("\\\\", "\\")
    made = contains_text(subject.name, plain) if folded else starts_with(subject.name, plain)
    return _named(subject, Condition("contains" if folded else "starts", plain)) if made == node else None


def _text(value: object) -> str | None:
    """Return a literal as the form shows it; a time as its day."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str):
        return value.removesuffix(_END_OF_DAY)
    return repr(value) if isinstance(value, int | float) else None
