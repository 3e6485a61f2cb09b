"""The tables beneath a view: whose changes are changes of the view's features.

A view has no rows of its own, and so no log of changes. Where it shows the rows of one table as they are, chosen and
joined to others, what the log says of that table holds for the view; a change of the others may change anything in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from onemap.store.postgis.relation import Beneath, Relation
from onemap.store.postgis.sessions import Row

_TABLES = ("r", "m")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a view is made from, as views.sql gives it."""

    plain: bool
    functions: bool
    tables: Sequence[int]
    kinds: Sequence[str | None]
    origins: Mapping[str, tuple[int, str]]


def with_tables_beneath(relations: Mapping[str, Relation], rows: Sequence[Row]) -> dict[str, Relation]:
    """Return the relations, the views among them with the tables beneath them as far as these are known."""
    rules = {oid: _Rule(*rest) for oid, *rest in rows}
    by_oid = {relation.oid: relation for relation in relations.values()}
    names = {relation.oid: name for name, relation in relations.items()}

    def known(relation: Relation) -> Relation:
        found = _shown(relation, rules, by_oid) if relation.kind == "v" else None
        if found is None:
            return relation
        base, others = found
        return replace(relation, beneath=Beneath(names[base], others))

    return {name: known(relation) for name, relation in relations.items()}


def _shown(
    view: Relation, rules: Mapping[int, _Rule], by_oid: Mapping[int, Relation]
) -> tuple[int, frozenset[int]] | None:
    """Return the table whose rows a view shows, and what else it is made from; None where that is not so."""
    oid, others = view.oid, frozenset[int]()
    columns: tuple[str, ...] = (view.key, view.geometry_column)
    while (rule := rules.get(oid)) is not None:
        origins = [rule.origins.get(column) for column in columns]
        shown = {origin[0] for origin in origins if origin}
        if not rule.plain or rule.functions or None in origins or len(shown) != 1:
            return None
        oid, *_ = shown
        beside = [table for table in rule.tables if table != oid]
        found = _stored(beside, rules, dict(zip(rule.tables, rule.kinds, strict=True)))
        if found is None or rule.tables.count(oid) != 1 or oid in found:
            return None
        others |= found
        columns = tuple(origin[1] for origin in origins if origin)
    base = by_oid.get(oid)
    if base is None or base.kind != "r" or columns != (base.key, base.geometry_column) or oid in others:
        return None
    return (oid, others) if base.columns[base.key].rank == 1 else None


def _stored(
    tables: Sequence[int], rules: Mapping[int, _Rule], kinds: Mapping[int, str | None]
) -> frozenset[int] | None:
    """Return the tables that relations are made from, those beneath views too; None where somebody else has them."""
    found = frozenset[int]()
    for table in tables:
        rule = rules.get(table)
        if rule is None:
            if kinds.get(table) not in _TABLES:
                return None
            found |= {table}
            continue
        below = _stored(rule.tables, rules, dict(zip(rule.tables, rule.kinds, strict=True)))
        if rule.functions or below is None:
            return None
        found |= below
    return found
