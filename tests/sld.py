"""The structure of SLD 1.1 and SE 1.1 documents: which elements may stand where, in which order and how often."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SLD, SE, OGC = "http://www.opengis.net/sld", "http://www.opengis.net/se", "http://www.opengis.net/ogc"
_PREFIXES = {"sld": SLD, "se": SE, "ogc": OGC}
_DESCRIBED = "se:Name? se:Description?"
# Content of each element, as in the schemas of OGC 05-078r4 and 05-077r4: a name, then ? for at most one, + for at
# least one, * for any number; | between alternatives.
CONTENT = {
    "sld:StyledLayerDescriptor": f"{_DESCRIBED} sld:UseSLDLibrary* sld:NamedLayer|sld:UserLayer*",
    "sld:NamedLayer": "se:Name se:Description? sld:LayerFeatureConstraints? sld:NamedStyle|sld:UserStyle*",
    "sld:UserStyle": f"{_DESCRIBED} sld:IsDefault? se:FeatureTypeStyle|se:CoverageStyle|se:OnlineResource+",
    "se:Description": "se:Title? se:Abstract?",
    "se:FeatureTypeStyle": f"{_DESCRIBED} se:FeatureTypeName? se:SemanticTypeIdentifier* se:Rule|se:OnlineResource+",
    "se:Rule": (
        f"{_DESCRIBED} se:LegendGraphic? ogc:Filter|se:ElseFilter? se:MinScaleDenominator? se:MaxScaleDenominator? "
        "se:PolygonSymbolizer|se:LineSymbolizer|se:PointSymbolizer|se:TextSymbolizer+"
    ),
    "se:PolygonSymbolizer": f"{_DESCRIBED} se:Geometry? se:Fill? se:Stroke? se:Displacement? se:PerpendicularOffset?",
    "se:LineSymbolizer": f"{_DESCRIBED} se:Geometry? se:Stroke? se:PerpendicularOffset?",
    "se:PointSymbolizer": f"{_DESCRIBED} se:Geometry? se:Graphic?",
    "se:TextSymbolizer": f"{_DESCRIBED} se:Geometry? se:Label? se:Font? se:LabelPlacement? se:Halo? se:Fill?",
    "se:Fill": "se:GraphicFill? se:SvgParameter*",
    "se:Stroke": "se:GraphicFill|se:GraphicStroke? se:SvgParameter*",
    "se:GraphicFill": "se:Graphic",
    "se:Graphic": ("se:ExternalGraphic|se:Mark* se:Opacity? se:Size? se:Rotation? se:AnchorPoint? se:Displacement?"),
    "se:ExternalGraphic": "se:OnlineResource|se:InlineContent se:Format se:ColorReplacement*",
    "se:Mark": "se:WellKnownName? se:Fill? se:Stroke?",
    "se:Label": "ogc:PropertyName*",
    "se:Font": "se:SvgParameter*",
    "se:LabelPlacement": "se:PointPlacement|se:LinePlacement",
    "se:PointPlacement": "se:AnchorPoint? se:Displacement? se:Rotation?",
    "se:AnchorPoint": "se:AnchorPointX se:AnchorPointY",
    "se:Halo": "se:Radius? se:Fill?",
    "ogc:Filter": "ogc:And|ogc:Or|ogc:Not|ogc:PropertyIs",
    "ogc:Not": "ogc:And|ogc:Or|ogc:Not|ogc:PropertyIs",
    "ogc:PropertyIsNull": "ogc:PropertyName",
    "ogc:PropertyIsBetween": "ogc:PropertyName ogc:LowerBoundary ogc:UpperBoundary",
    "ogc:PropertyIsEqualTo": "ogc:PropertyName ogc:Literal",
    "ogc:PropertyIsNotEqualTo": "ogc:PropertyName ogc:Literal",
    "ogc:PropertyIsLike": "ogc:PropertyName ogc:Literal",
}
SVG_PARAMETERS = {
    "Fill": {"fill", "fill-opacity"},
    "Stroke": {"stroke", "stroke-width", "stroke-opacity", "stroke-linejoin", "stroke-linecap", "stroke-dasharray"},
    "Font": {"font-family", "font-size", "font-style", "font-weight"},
}


def _short(tag: str) -> str:
    namespace, name = tag[1:].split("}")
    return next(f"{prefix}:{name}" for prefix, known in _PREFIXES.items() if known == namespace)


def _pattern(content: str) -> re.Pattern[str]:
    parts = []
    for item in content.split():
        names, often = (item[:-1], item[-1]) if item[-1] in "?+*" else (item, "")
        choice = "|".join(name + r"\w* " if name.endswith("PropertyIs") else f"{name} " for name in names.split("|"))
        parts.append(f"(?:{choice}){often}")
    return re.compile("".join(parts))


def faults(document: bytes) -> list[str]:
    """Return what is wrong with the structure of a document."""
    root = ElementTree.fromstring(document)
    found = [] if root.get("version") == "1.1.0" and _short(root.tag) == "sld:StyledLayerDescriptor" else ["root"]
    for element in root.iter():
        found += _faults(element)
    return found


def _faults(element: Element) -> list[str]:
    name = _short(element.tag)
    children = "".join(f"{_short(child.tag)} " for child in element)
    content = CONTENT.get(name)
    found = []
    if content is not None and not _pattern(content).fullmatch(children):
        found.append(f"{name}: {children}")
    if content is None and children and name not in ("ogc:And", "ogc:Or", "ogc:LowerBoundary", "ogc:UpperBoundary"):
        found.append(f"{name} has {children}")
    given = {child.get("name") for child in element if _short(child.tag) == "se:SvgParameter"}
    if given - SVG_PARAMETERS.get(name.split(":")[1], set()):
        found.append(f"{name} has the parameters {given}")
    return found
