"""The process landuse-breakdown: how much of the parcels is which land class, owned by whom, lying where."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.errors import InvalidBody, UnusableParcel
from onemap.processes.accounts import Accounts, Cell, Classes
from onemap.processes.analysis import Analysis
from onemap.processes.hits import Hits, hits_of
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import LAYERS, ParcelProcess, head, tail
from onemap.processes.parcels import Note
from onemap.processes.project import FULL, Project
from onemap.processes.regions import region_names

ROLE = "landuse"


class LanduseBreakdown(ParcelProcess):
    """Break parcels down by land class (gross areas)."""

    id = "landuse-breakdown"
    version = "1.0.0"
    title = Text(zh="土地利用现状分析", en="Land-use breakdown")
    description = Text(
        zh="按地类、权属和县乡村统计地块的土地利用现状面积（毛面积，未扣除田坎系数）。",
        en="Breaks the parcels down by land class, ownership, county, town and village (gross areas, before the "
        "deduction of field ridges).",
    )
    keywords = ("land use", "地类", "三调", "DLTB")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None

    @classmethod
    def roles(cls) -> tuple[str, ...]:
        """Return the one role."""
        return (ROLE,)

    def analyse(self, context: Context) -> Analysis:
        """Return classes, groups, regions and remainder; classes and remainder sum to the parcels' area."""
        layer = _one(layers_for(context, self.roles(), self.layers))
        parcels = context.parcels(self.parcels, self.crs)
        project = Project(parcels)
        plane = project.plane(layer.collection.storage)
        if plane is None:
            raise UnusableParcel(f"The parcels lie outside the reach of {layer.collection.storage.uri}.")
        hits = hits_of(layer, plane)
        coverage = project.coverage(layer)
        accounts = _accounts(layer, hits, context, plane.area)
        notes = [*parcels.notes, *hits.notes, *_coverage_notes(layer, coverage)]
        result = {
            **head(type(self), None, parcels, plane.crs, plane.area),
            **accounts.json(),
            **tail([layer.data(coverage or 0.0)], notes),
        }
        return Analysis(result, parcels, [layer])


def _one(layers: list[Layer]) -> Layer:
    """Return the one land-use layer to work on. Raises InvalidBody when there is none, or a choice to make."""
    if not layers:
        raise InvalidBody("There is no land-use layer here that you may see.", "Ask an instance that publishes one.")
    if len(layers) > 1:
        names = ", ".join(layer.collection.id for layer in layers)
        raise InvalidBody("There are several land-use layers.", f"Choose one of: {names}.", pointer="/inputs/layers")
    return layers[0]


def _coverage_notes(layer: Layer, coverage: float | None) -> list[Note]:
    name = layer.collection.id
    if coverage is None:
        return [Note("no-declared-coverage", f"{name} declares no extent of validity.")]
    if coverage < FULL:
        return [Note("partial-coverage", f"{name} covers {coverage:.4%} of the parcels; the rest is in the remainder.")]
    return []


def _accounts(layer: Layer, hits: Hits, context: Context, total: float) -> Accounts:
    """Sum the hits by class, ownership and village."""
    roles = ("code", "ownership", "location-code")
    names = {role: layer.column(role) for role in roles}
    keys = hits.ids.tolist()
    columns = layer.store.attributes(layer.view, keys, [name for name in names.values() if name])
    empty: list[object] = [None] * len(keys)
    code, owner, place = (columns[name] if (name := names[role]) else empty for role in roles)
    cells: dict[Cell, float] = {}
    for class_code, ownership, village, area in zip(code, owner, place, hits.areas.tolist(), strict=True):
        cell = Cell(_text(class_code), _text(ownership), _text(village))
        cells[cell] = cells.get(cell, 0.0) + area
    classes = Classes(_codes(layer, "code", context, "dlbm"), _codes(layer, "ownership", context, "qsxz"), context.lang)
    codes = {cell.village for cell in cells if cell.village}
    rest = total - hits.area
    remainder = rest if rest > (1 - FULL) * total else 0.0
    return Accounts(cells, total, remainder, classes, region_names(context, codes))


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _codes(layer: Layer, role: str, context: Context, otherwise: str) -> Any:
    """Return the code list of the field with a role, or the one that comes with the server."""
    field = next((item for item in layer.view.columns if item.role == role), None)
    return (field.codes if field else None) or context.codes.get(otherwise)
