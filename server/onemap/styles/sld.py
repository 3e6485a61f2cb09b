"""Styles as Styled Layer Descriptor 1.1 (OGC 05-078r4) with Symbology Encoding 1.1 (OGC 05-077r4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from onemap.block.links import Links
from onemap.store import View
from onemap.styles.plain import shapes
from onemap.styles.portrayal import Class, Drawn, Layer, Portrayal
from onemap.styles.sld_filter import filter_element
from onemap.styles.symbolizers import symbolizers
from onemap.styles.xml import NAMESPACES, SE, SLD, child

MEDIA_TYPE = "application/vnd.ogc.sld+xml;version=1.1"
# Of level 0, with tiles of 512 pixels of 0.28 mm, as MapLibre counts.
_DENOMINATOR = 559_082_264.0287178 / 2


def sld(portrayal: Portrayal, links: Links, lang: str) -> bytes:
    """Return the document: one NamedLayer for each collection, named by its id.

    What varies with the zoom has the value of the middle of the rule's levels; ranges of zoom levels become ranges of
    scale denominators.
    """
    root = Element(f"{{{SLD}}}StyledLayerDescriptor", {"version": "1.1.0"})
    child(root, SE, "Name", portrayal.id)
    described = child(root, SE, "Description")
    child(described, SE, "Title", portrayal.title.get(lang))
    if portrayal.description.get(lang):
        child(described, SE, "Abstract", portrayal.description.get(lang))
    for view in portrayal.views():
        layers = [layer for layer in portrayal.layers if layer.view is view]
        _named_layer(root, view, layers, portrayal, links, lang)
    ElementTree.indent(root, " ")
    for prefix, namespace in NAMESPACES.items():
        ElementTree.register_namespace(prefix, namespace)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _named_layer(
    root: Element, view: View, layers: Sequence[Layer], portrayal: Portrayal, links: Links, lang: str
) -> None:
    named = child(root, SLD, "NamedLayer")
    child(named, SE, "Name", view.collection.id)
    child(child(named, SE, "Description"), SE, "Title", view.collection.title.get(lang))
    style = child(named, SLD, "UserStyle")
    child(style, SE, "Name", portrayal.id)
    child(child(style, SE, "Description"), SE, "Title", portrayal.title.get(lang))
    child(style, SLD, "IsDefault", "1")
    for drawn in (drawn for layer in layers for drawn in layer.rules):
        group = child(style, SE, "FeatureTypeStyle")  # one for each rule, so that they lie upon each other in order
        for item, one in _spelled_out(drawn):
            _rule(group, item, one, view, links, lang)


def _spelled_out(drawn: Drawn) -> Iterator[tuple[Drawn, Class | None]]:
    """Yield a rule for each class, or the rule itself where it has none."""
    yield from ((replace(drawn, classes=(item,)), item) for item in drawn.classes)
    if not drawn.classes:
        yield drawn, None


def _rule(group: Element, drawn: Drawn, one: Class | None, view: View, links: Links, lang: str) -> None:
    symbols = list(symbolizers(drawn, one, shapes(view), links))
    if not symbols:
        return
    rule = child(group, SE, "Rule")
    child(rule, SE, "Name", one.code if one else drawn.rule.title.en if drawn.rule.title else view.collection.id)
    title = f"{one.code} {one.title.get(lang)}" if one else drawn.title.get(lang)
    child(child(rule, SE, "Description"), SE, "Title", title)
    condition = filter_element(drawn.filter, drawn.column, one.code if one else None)
    if condition is not None:
        rule.append(condition)
    if drawn.rule.zooms:
        low, high = drawn.rule.zooms
        child(rule, SE, "MinScaleDenominator", f"{_DENOMINATOR / 2**high:.3f}")
        if low > 0:
            child(rule, SE, "MaxScaleDenominator", f"{_DENOMINATOR / 2**low:.3f}")
    rule.extend(symbols)
