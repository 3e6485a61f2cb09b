"""What a style comes to for one principal: the layers it may see, fields found, classes spelled out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from onemap.catalog import Collection
from onemap.config import Text
from onemap.cql import Tree
from onemap.errors import InvalidParameter
from onemap.store import View
from onemap.styles.declare import Classes, LayerDeclaration, Rule, StyleDeclaration
from onemap.styles.filters import column_of, parse, resolve
from onemap.styles.plain import plain_rules, shapes

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Class:
    """A code with its title and colour."""

    code: str
    title: Text
    colour: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A rule as it is drawn of one collection.

    ``filter``: checked, with the names of columns. ``column``: of the classes; ``text_values``: whether its codes are
    stored as texts. ``label``: the column with the text.
    """

    rule: Rule
    title: Text
    filter: Tree | None = None
    column: str | None = None
    text_values: bool = True
    classes: tuple[Class, ...] = ()
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A collection as a style draws it, from the first rule to the last. ``shown``: on maps of several collections."""

    view: View
    rules: tuple[Drawn, ...]
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Portrayal:
    """A style for one principal."""

    id: str
    title: Text
    layers: tuple[Layer, ...]
    description: Text = field(default_factory=lambda: Text(zh="", en=""))
    keywords: tuple[str, ...] = ()
    basis: str = ""

    def of(self, collection: str) -> Portrayal:
        """Return the style with the layers of one collection only."""
        return replace(self, layers=tuple(layer for layer in self.layers if layer.view.collection.id == collection))

    def views(self) -> list[View]:
        """Return the views of the collections that are drawn, each once."""
        return list({layer.view.collection.id: layer.view for layer in self.layers}.values())


def portray(
    name: str, style: StyleDeclaration, layers: Iterable[LayerDeclaration], views: Sequence[View]
) -> Portrayal | None:
    """Return a style as it draws these views; None where it draws none of them."""
    drawn = [
        Layer(view, rules, layer.shown)
        for layer in layers
        for view in views
        if _meant(layer, view.collection)
        if (rules := _rules(layer.rules, view))
    ]
    if style.whole:
        seen = {layer.view.collection.id for layer in drawn}
        others = [layer for view in views if view.collection.id not in seen for layer in plain(view).layers]
        areas = [layer for layer in others if "Polygon" in shapes(layer.view)]
        drawn = [*areas, *drawn, *(layer for layer in others if layer not in areas)]
    if not drawn:
        return None
    return Portrayal(name, style.title, tuple(drawn), style.description, style.keywords, style.basis)


def undrawn(layers: Iterable[LayerDeclaration], collection: Collection) -> list[str]:
    """Return what of these layers cannot be drawn of a collection: a rule names a field or role that it lacks."""
    whole = View(collection, collection.fields)
    rules = (rule for layer in layers if _meant(layer, collection) for rule in layer.rules)
    titles = (
        (rule.title.en if rule.title else rule.filter or "without a title", _drawn(rule, whole)) for rule in rules
    )
    return [f"the rule '{title}' needs a field that the collection lacks" for title, drawn in titles if drawn is None]


def _meant(layer: LayerDeclaration, collection: Collection) -> bool:
    return collection.id == layer.collection or (layer.role is not None and collection.role == layer.role)


def plain(view: View) -> Portrayal:
    """Return the style of a collection that no style file draws; its id is that of the collection."""
    collection = view.collection
    return Portrayal(collection.id, collection.title, (Layer(view, _rules(plain_rules(view), view)),))


def _rules(rules: Sequence[Rule], view: View) -> tuple[Drawn, ...]:
    return tuple(drawn for rule in rules if (drawn := _drawn(rule, view)))


def _drawn(rule: Rule, view: View) -> Drawn | None:
    """Return a rule for a view; None when it needs a column that the view does not have, or one of another type."""
    try:
        tree = resolve(parse(rule.filter), view) if rule.filter else None
    except InvalidParameter:
        return None
    coded = column_of(view, rule.classes.field, rule.classes.role) if rule.classes else None
    text = column_of(view, rule.label.field, rule.label.role) if rule.label else None
    if (rule.filter and tree is None) or (rule.classes and coded is None) or (rule.label and text is None):
        return None
    return Drawn(
        rule,
        rule.title or view.collection.title,
        tree,
        coded.name if coded else None,
        coded is None or coded.type == "string",
        _classes(view, coded.name, rule.classes) if coded and rule.classes else (),
        text.name if text else None,
    )


def _classes(view: View, column: str, wanted: Classes) -> tuple[Class, ...]:
    found = view.column(column)
    codes = found.codes if found else None
    if codes is None:
        return ()
    listed = wanted.codes or tuple(codes.titles)
    coloured = ((code, codes.value(code, wanted.column).lower()) for code in listed if code in codes.titles)
    return tuple(Class(code, codes.titles[code], colour) for code, colour in coloured if _COLOUR.fullmatch(colour))
