"""The rules for a collection that no style draws: a colour of its own, or those of its codes."""

from __future__ import annotations

import zlib

from onemap.store import View
from onemap.styles.declare import Classes, Fill, Line, Point, Rule

COLOURS = ("#2f7fb8", "#b8572f", "#2f9b8c", "#a03f7d", "#7d8a2f", "#5a61c2")


def plain_rules(view: View) -> tuple[Rule, ...]:
    """Return the rules for a view; the colour depends on the collection's id alone."""
    collection = view.collection
    colour = COLOURS[zlib.crc32(collection.id.encode()) % len(COLOURS)]
    coded = view.column(collection.colour_by) if collection.colour_by else None
    if coded and coded.codes and any(coded.codes.value(code, "colour") for code in coded.codes.titles):
        edge = Line(colour="#5d6454", width={8: 0.4, 15: 1.0}, opacity={10: 0.1, 14: 0.7})
        return (
            Rule(classes=Classes(field=coded.name), fill=Fill(opacity=0.85), line=edge, point=Point(colour=colour)),
        )
    line = Line(colour=colour, width={8: 0.8, 15: 1.8})
    return (Rule(fill=Fill(colour=colour, opacity=0.3), line=line, point=Point(colour=colour)),)


def shapes(view: View) -> frozenset[str]:
    """Return the kinds of geometries that a collection may hold: Point, LineString, Polygon."""
    kind = view.collection.table.geometry_type.removeprefix("MULTI")
    known = {"POINT": "Point", "LINESTRING": "LineString", "CURVE": "LineString", "POLYGON": "Polygon"}
    known |= {"SURFACE": "Polygon", "CURVEPOLYGON": "Polygon"}
    return frozenset([known[kind]] if kind in known else ("Point", "LineString", "Polygon"))
