"""The symbolizers of a rule in Symbology Encoding 1.1, those that lie below first."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from onemap.block.links import Links
from onemap.styles.declare import Fill, Label, Line, Pattern, Point
from onemap.styles.fonts import FONT
from onemap.styles.portrayal import Class, Drawn
from onemap.styles.sprite import pattern_name
from onemap.styles.xml import OGC, SE, XLINK, child, parameters
from onemap.styles.zooming import at_middle

_GREY = "#8d968f"
_MARKS = {
    "slash": "shape://slash",
    "backslash": "shape://backslash",
    "cross": "shape://times",
    "horizontal": "shape://horline",
    "vertical": "shape://vertline",
    "dots": "circle",
}
Zooms = tuple[int, int] | None


def symbolizers(drawn: Drawn, one: Class | None, held: frozenset[str], links: Links) -> Iterator[Element]:
    """Yield the symbolizers of a rule for one class and for the kinds of geometries that are held."""
    rule = drawn.rule
    colour = one.colour if one else _GREY
    area, lines = "Polygon" in held, bool({"Polygon", "LineString"} & held)
    if rule.fill and area and (rule.fill.colour or one):
        yield _fill(rule.fill, rule.fill.colour or colour)
    if rule.fill and area and rule.fill.pattern:
        yield _pattern(rule.fill.pattern, links)
    for line in (rule.casing, rule.line):
        if line and lines:
            yield _line(line, line.colour or colour, rule.zooms)
    if rule.point and "Point" in held:
        yield _point(rule.point, rule.point.colour or colour)
    if rule.label and drawn.label:
        yield _text(rule.label, drawn.label, rule.zooms)


def _symbolizer(name: str) -> Element:
    return Element(f"{{{SE}}}{name}")


def _fill(fill: Fill, colour: str) -> Element:
    made = _symbolizer("PolygonSymbolizer")
    opacity = fill.opacity if fill.opacity < 1 else None
    parameters(child(made, SE, "Fill"), {"fill": colour, "fill-opacity": opacity})
    return made


def _pattern(pattern: Pattern, links: Links) -> Element:
    """Return a fill with the pattern's image, and for who cannot fetch it with a mark that looks much the same."""
    made = _symbolizer("PolygonSymbolizer")
    graphic = child(child(child(made, SE, "Fill"), SE, "GraphicFill"), SE, "Graphic")
    image = child(graphic, SE, "ExternalGraphic")
    address = links.to("sprites", f"{pattern_name(pattern)}.svg")
    child(image, SE, "OnlineResource", **{f"{{{XLINK}}}type": "simple", f"{{{XLINK}}}href": address})
    child(image, SE, "Format", "image/svg+xml")
    mark = child(graphic, SE, "Mark")
    child(mark, SE, "WellKnownName", _MARKS[pattern.shape])
    if pattern.shape == "dots":
        parameters(child(mark, SE, "Fill"), {"fill": pattern.colour})
    else:
        parameters(child(mark, SE, "Stroke"), {"stroke": pattern.colour, "stroke-width": pattern.width})
    child(graphic, SE, "Size", str(pattern.spacing))
    return made


def _line(line: Line, colour: str, zooms: Zooms) -> Element:
    made = _symbolizer("LineSymbolizer")
    width, opacity = at_middle(line.width, zooms), at_middle(line.opacity, zooms)
    values: dict[str, object] = {"stroke": colour, "stroke-width": width}
    values["stroke-opacity"] = opacity if opacity < 1 else None
    values["stroke-linejoin"] = "round"
    values["stroke-linecap"] = None if line.dash else "round"
    values["stroke-dasharray"] = " ".join(f"{part * width:g}" for part in line.dash) or None
    parameters(child(made, SE, "Stroke"), values)
    return made


def _point(point: Point, colour: str) -> Element:
    made = _symbolizer("PointSymbolizer")
    graphic = child(made, SE, "Graphic")
    mark = child(graphic, SE, "Mark")
    child(mark, SE, "WellKnownName", "circle")
    parameters(child(mark, SE, "Fill"), {"fill": colour})
    parameters(child(mark, SE, "Stroke"), {"stroke": point.stroke, "stroke-width": 1.2})
    child(graphic, SE, "Size", f"{point.radius * 2:g}")
    return made


def _text(label: Label, column: str, zooms: Zooms) -> Element:
    made = _symbolizer("TextSymbolizer")
    child(child(made, SE, "Label"), OGC, "PropertyName", column)
    values = {"font-family": FONT.removesuffix(" Regular"), "font-size": at_middle(label.size, zooms)}
    parameters(child(made, SE, "Font"), values)
    placement = child(child(made, SE, "LabelPlacement"), SE, "PointPlacement")
    anchor = child(placement, SE, "AnchorPoint")
    child(anchor, SE, "AnchorPointX", "0.5")
    child(anchor, SE, "AnchorPointY", "0.5")
    halo = child(made, SE, "Halo")
    child(halo, SE, "Radius", f"{label.halo_width:g}")
    parameters(child(halo, SE, "Fill"), {"fill": label.halo})
    parameters(child(made, SE, "Fill"), {"fill": label.colour})
    return made
