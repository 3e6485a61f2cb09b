"""Styles as MapLibre (Mapbox) style documents, version 8, whose sources are this server's tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from onemap.block.links import Links
from onemap.store import View
from onemap.styles.declare import ByZoom, Label, Line
from onemap.styles.expression import expression
from onemap.styles.fonts import FONT
from onemap.styles.plain import shapes
from onemap.styles.portrayal import Drawn, Layer, Portrayal
from onemap.styles.sprite import pattern_name

GROUND = "#f4f5f0"
_GREY = "#8d968f"
_ROUND = {"line-join": "round", "line-cap": "round"}
Part = tuple[str, str, str, dict[str, Any], dict[str, Any]]
"""Name, type, kind of geometry ('' for any), paint and layout of a style layer."""


def mapbox_style(portrayal: Portrayal, links: Links, lang: str) -> dict[str, Any]:
    """Return the style document; all its addresses are below ``links.base``."""
    views = portrayal.views()
    return {
        "version": 8,
        "name": portrayal.title.get(lang),
        "metadata": {"onemap:style": portrayal.id, "onemap:lang": lang},
        "sprite": links.to("sprites", "onemap"),
        "glyphs": links.to("fonts", "{fontstack}", "{range}.pbf"),
        "sources": {view.collection.id: _source(view, links) for view in views},
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": GROUND}},
            *(item for place, layer in enumerate(_shown(portrayal)) for item in _layers(layer, place, lang)),
        ],
    }


def _shown(portrayal: Portrayal) -> tuple[Layer, ...]:
    """Return the layers; where there is one collection only, it is shown."""
    alone = len(portrayal.views()) == 1
    return tuple(replace(layer, shown=True) if alone else layer for layer in portrayal.layers)


def _source(view: View, links: Links) -> dict[str, Any]:
    base = ("collections", view.collection.id, "tiles", "WebMercatorQuad", "tilejson.json")
    return {"type": "vector", "url": links.to(*base)}


def _layers(layer: Layer, place: int, lang: str) -> Iterator[dict[str, Any]]:
    collection = layer.view.collection.id
    labels = layer.view.collection.label_layer if layer.view.collection.tiles.labels else collection
    held = shapes(layer.view)
    for number, drawn in enumerate(layer.rules):
        for name, kind, shape, paint, layout in _parts(drawn):
            if shape and shape not in held:
                continue
            made: dict[str, Any] = {
                "id": f"{collection}:{place}.{number}.{name}",
                "type": kind,
                "source": collection,
                "source-layer": labels if name == "label" else collection,
                "metadata": {"onemap:collection": collection, "onemap:title": drawn.title.get(lang)},
            }
            conditions = _conditions(drawn, shape if len(held) > 1 else "")
            if conditions:
                made["filter"] = conditions[0] if len(conditions) == 1 else ["all", *conditions]
            if drawn.rule.zooms:
                made["minzoom"], made["maxzoom"] = drawn.rule.zooms
            hidden = {} if layer.shown else {"visibility": "none"}
            yield made | {key: value for key, value in (("layout", layout | hidden), ("paint", paint)) if value}


def _conditions(drawn: Drawn, shape: str) -> list[Any]:
    conditions: list[Any] = [["==", ["geometry-type"], shape]] if shape else []
    if drawn.filter is not None:
        conditions.append(expression(drawn.filter))
    if drawn.rule.classes and drawn.rule.classes.codes:
        conditions.append(["match", _code(drawn), [item.code for item in drawn.classes], True, False])
    return conditions


def _parts(drawn: Drawn) -> Iterator[Part]:
    rule = drawn.rule
    if rule.fill:
        if rule.fill.colour or drawn.classes:
            colour = _colour(drawn, rule.fill.colour)
            paint = {"fill-color": colour, "fill-opacity": rule.fill.opacity, "fill-antialias": False}
            yield "fill", "fill", "Polygon", paint, {}
        if rule.fill.pattern:
            yield "pattern", "fill", "Polygon", {"fill-pattern": pattern_name(rule.fill.pattern)}, {}
    for name, line in (("casing", rule.casing), ("line", rule.line)):
        if line:
            yield name, "line", "", _line(drawn, line), _ROUND if not line.dash else {"line-join": "round"}
    if rule.point:
        paint = {"circle-color": _colour(drawn, rule.point.colour), "circle-radius": rule.point.radius}
        yield "point", "circle", "Point", paint | {
            "circle-stroke-color": rule.point.stroke, "circle-stroke-width": 1.2,
        }, {}  # fmt: skip
    if rule.label and drawn.label:
        yield "label", "symbol", "", _text_paint(rule.label), _text_layout(rule.label, drawn.label)


def _line(drawn: Drawn, line: Line) -> dict[str, Any]:
    paint = {"line-color": _colour(drawn, line.colour), "line-width": by_zoom(line.width)}
    if line.opacity != 1.0:
        paint["line-opacity"] = by_zoom(line.opacity)
    return paint | ({"line-dasharray": list(line.dash)} if line.dash else {})


def _text_layout(label: Label, column: str) -> dict[str, Any]:
    layout = {
        "text-field": ["to-string", ["get", column]],
        "text-font": [FONT],
        "text-size": by_zoom(label.size),
        "text-max-width": 8,
        "text-padding": 6,
    }
    return layout | ({"text-letter-spacing": label.spacing} if label.spacing else {})


def _text_paint(label: Label) -> dict[str, Any]:
    return {"text-color": label.colour, "text-halo-color": label.halo, "text-halo-width": label.halo_width}


def _colour(drawn: Drawn, given: str | None) -> Any:
    """Return a colour: the one given, else that of the classes as an expression."""
    if given or not drawn.classes:
        return given or _GREY
    by_colour: dict[str, list[str]] = {}
    for item in drawn.classes:
        by_colour.setdefault(item.colour, []).append(item.code)
    # Codes in lists, also single ones: QGIS reads no others.
    return ["match", _code(drawn), *(part for colour, codes in by_colour.items() for part in (codes, colour)), _GREY]


def _code(drawn: Drawn) -> list[Any]:
    value = ["get", drawn.column]
    return value if drawn.text_values else ["to-string", value]


def by_zoom(value: ByZoom) -> Any:
    """Return a number, or its linear interpolation between zoom levels."""
    if not isinstance(value, Mapping):
        return value
    return ["interpolate", ["linear"], ["zoom"], *(part for pair in sorted(value.items()) for part in pair)]
