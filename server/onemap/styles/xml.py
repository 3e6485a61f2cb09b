"""Elements of SLD documents."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

SLD = "http://www.opengis.net/sld"
SE = "http://www.opengis.net/se"
OGC = "http://www.opengis.net/ogc"
XLINK = "http://www.w3.org/1999/xlink"
NAMESPACES = {"sld": SLD, "se": SE, "ogc": OGC, "xlink": XLINK}


def child(parent: Element, namespace: str, name: str, text: str | None = None, /, **attributes: str) -> Element:
    """Append an element and return it."""
    made = SubElement(parent, f"{{{namespace}}}{name}", attributes)
    made.text = text
    return made


def parameters(parent: Element, values: Mapping[str, object]) -> None:
    """Append an SvgParameter for each value that is there."""
    for name, value in values.items():
        if value is not None:
            child(parent, SE, "SvgParameter", f"{value:.4g}" if isinstance(value, float) else str(value), name=name)
