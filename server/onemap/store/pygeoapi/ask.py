"""What is asked of a provider, and which part of a query it may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pygeofilter import ast

from onemap.catalog.model import Field
from onemap.cql import Tree, all_of, write_text
from onemap.cql.nodes import operands
from onemap.geo.bbox import Box
from onemap.geo.crs import Bounds, Crs, transform_bounds

Push = Literal["bbox", "filter", "sortby"]
_SQL: frozenset[Push] = frozenset({"bbox", "filter", "sortby"})
_BBOX: frozenset[Push] = frozenset({"bbox"})
PUSHES: Mapping[str, frozenset[Push]] = {
    "CSV": _BBOX,
    "GeoJSON": _BBOX,
    "MySQL": _SQL,
    "OGR": _BBOX,
    "PostgreSQL": _SQL,
    "SQLiteGPKG": _BBOX,
}
"""What pygeoapi's own providers evaluate such that nothing that matches is left out; of others nothing is known."""
_COMPARISONS = (ast.Equal, ast.LessThan, ast.LessEqual, ast.GreaterThan, ast.GreaterEqual)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: bounds in x, y of the provider's CRS, a filter that it can evaluate, and a field to sort by."""

    bounds: Bounds | None = None
    filter: Tree | None = None
    sort: str | None = None

    @property
    def key(self) -> tuple[Bounds | None, str | None, str | None]:
        """What tells questions apart."""
        return self.bounds, None if self.filter is None else write_text(self.filter), self.sort

    def arguments(self, *, swapped: bool) -> dict[str, Any]:
        """Return arguments of the provider's ``query``; ``swapped``: its coordinates are y, x."""
        made: dict[str, Any] = {}
        if self.bounds is not None:
            minx, miny, maxx, maxy = self.bounds
            made["bbox"] = [miny, minx, maxy, maxx] if swapped else [minx, miny, maxx, maxy]
        if self.filter is not None:
            made["filterq"] = self.filter
        if self.sort is not None:
            made["sortby"] = [{"property": self.sort, "order": "+"}]
        return made


def bounds_asked(box: Box | None, storage: Crs) -> Bounds | None:
    """Return bounds in x, y of ``storage`` that hold all of a box, with a margin; None where there are none."""
    if box is None or len(box.parts()) != 1:
        return None
    found = transform_bounds(box.parts()[0], box.crs, storage)
    if found is None:
        return None
    margin = max(found[2] - found[0], found[3] - found[1]) * 1e-3
    return (found[0] - margin, found[1] - margin, found[2] + margin, found[3] + margin)


def filter_asked(tree: Tree | None, fields: Mapping[str, Field]) -> Tree | None:
    """Return the part of a conjunction that every database reads alike, None when there is none.

    What it leaves out can only make the answer larger.
    """
    if tree is None:
        return None
    return all_of(part for part in operands(tree, ast.And) if _plain(part, fields))


def exactly(tree: Tree | None, fields: Mapping[str, Field]) -> bool:
    """Whether a provider decides all of a filter as it is decided here: comparisons of numbers alone."""
    numbers = {name: field for name, field in fields.items() if field.type in ("integer", "number")}
    return tree is None or all(_plain(part, numbers) for part in operands(tree, ast.And))


def _plain(node: Tree, fields: Mapping[str, Field]) -> bool:
    if isinstance(node, ast.Or):
        return all(_plain(part, fields) for part in operands(node, ast.Or))
    if isinstance(node, ast.And):
        return all(_plain(part, fields) for part in operands(node, ast.And))
    if not isinstance(node, _COMPARISONS) or not isinstance(node.lhs, ast.Attribute):
        return False
    field = fields.get(node.lhs.name)
    if field is None or isinstance(node.rhs, bool):
        return False
    if field.type == "string":  # the order of texts is the database's own
        return isinstance(node, ast.Equal) and isinstance(node.rhs, str)
    return field.type in ("integer", "number") and isinstance(node.rhs, int | float)
