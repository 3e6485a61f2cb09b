"""The accounts of the parcels over one land-use layer: shared by every process that asks what the land is used for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from onemap.catalog import CodeList
from onemap.errors import InvalidBody, UnusableParcel
from onemap.processes.accounts import Accounts, Classes
from onemap.processes.accounts.once import Touched, touched
from onemap.processes.accounts.split import Split, split
from onemap.processes.analysis import PieceLayer
from onemap.processes.layers import Layer
from onemap.processes.model import Context
from onemap.processes.parcels import Note
from onemap.processes.project import FULL, Plane, Project
from onemap.processes.regions import region_names

ROLE = "landuse"


@dataclass(frozen=True)
class Breakdown:
    """The parcels by land class: net of deductions (``accounts``) and before them (``gross``)."""

    layer: Layer
    plane: Plane
    coverage: float | None
    found: Touched
    parts: Split
    accounts: Accounts
    gross: Accounts

    @property
    def notes(self) -> list[Note]:
        """What has to be said of the layer."""
        codes = {cell.code for cell in self.parts.cells}
        unknown = sorted(code for code in codes if self.accounts.classes.group(code) is None)
        more = []
        if unknown:
            text = f"classes that belong to none of the three groups: {', '.join(unknown[:10])}."
            more.append(Note("class-without-group", f"{self.layer.collection.id}: {text}"))
        return [*self.found.notes, *self.parts.notes, *more, *coverage_notes(self.layer, self.coverage)]

    def json(self) -> dict[str, Any]:
        """Return the members of a result; ``gross`` holds classes and groups before the deduction."""
        return {**self.accounts.json(), "gross": self.gross.totals()}

    def data(self) -> dict[str, Any]:
        """Return the layer's entry of ``data``."""
        return self.layer.data(self.coverage or 0.0)

    def pieces(self) -> PieceLayer:
        """Return what of each land-use parcel lies inside, with its net and its deducted area."""
        given = self.found.areas * self.parts.share
        classes = self.accounts.classes
        key = self.layer.collection.key
        keys = self.found.ids.tolist()
        visible = self.layer.view.column(key) is not None
        names = self.layer.store.attributes(self.layer.view, keys, [key])[key] if visible else keys
        columns: dict[str, Any] = {
            "id": names,
            "code": [cell.code for cell in self.parts.cells],
            "name": [classes.words(classes.row_of(cell))["name"] for cell in self.parts.cells],
            "ownership": [cell.ownership for cell in self.parts.cells],
            "place": [cell.place for cell in self.parts.cells],
            "net": (self.found.areas - given).tolist(),
            "deducted_code": [
                cell.code if part > 0 else None
                for cell, part in zip(self.parts.deductions, given.tolist(), strict=True)
            ],
            "deducted": given.tolist(),
        }
        collection = self.layer.collection
        title = collection.title.get(classes.lang)
        return PieceLayer(collection.id, title, self.plane.crs, self.found.cut(), self.found.areas, columns)


def one_layer(layers: list[Layer], role: str = ROLE) -> Layer:
    """Return the one layer with a role to work on. Raises InvalidBody when there is none, or a choice to make."""
    own = [layer for layer in layers if layer.role == role]
    if not own:
        raise InvalidBody(f"There is no {role} layer here that you may see.", "Ask an instance that publishes one.")
    if len(own) > 1:
        names = ", ".join(layer.collection.id for layer in own)
        raise InvalidBody(f"There are several {role} layers.", f"Choose one of: {names}.", pointer="/inputs/layers")
    return own[0]


def breakdown(context: Context, layer: Layer, project: Project) -> Breakdown:
    """Break the parcels down over a land-use layer.

    Raises UnusableParcel when they lie out of the reach of the layer's system.
    """
    plane = plane_of(project, layer)
    context.progress(0.1, f"{layer.collection.id}: overlay")
    found = touched(layer, plane)
    context.progress(0.5, f"{layer.collection.id}: accounts")
    parts = split(layer, found)
    rest = plane.area - math.fsum(found.areas.tolist())
    remainder = rest if rest > (1 - FULL) * plane.area else 0.0
    classes = classes_of(layer, context)
    names = region_names(context, {cell.place for cell in parts.cells if cell.place})
    accounts = Accounts(parts.amounts(), plane.area, remainder, classes, names)
    gross = Accounts(parts.gross(), plane.area, remainder, classes, names)
    return Breakdown(layer, plane, project.coverage(layer), found, parts, accounts, gross)


def plane_of(project: Project, layer: Layer) -> Plane:
    """Return the parcels in the plane of a layer. Raises UnusableParcel when they lie out of its reach."""
    plane = project.plane(layer.collection.storage)
    if plane is None:
        raise UnusableParcel(f"The parcels lie outside the reach of {layer.collection.storage.uri}.")
    return plane


def classes_of(layer: Layer, context: Context) -> Classes:
    """Return the code lists of the layer's class and ownership fields, or those that come with the server."""
    return Classes(_codes(layer, "code", context, "dlbm"), _codes(layer, "ownership", context, "qsxz"), context.lang)


def _codes(layer: Layer, role: str, context: Context, otherwise: str) -> CodeList | None:
    field = next((item for item in layer.view.columns if item.role == role), None)
    return (field.codes if field else None) or context.codes.get(otherwise)


def coverage_notes(layer: Layer, coverage: float | None) -> list[Note]:
    """Say where a layer declares nothing, or does not reach all of the parcels."""
    name = layer.collection.id
    if coverage is None:
        return [Note("no-declared-coverage", f"{name} declares no extent of validity.")]
    if coverage < FULL:
        return [Note("partial-coverage", f"{name} covers {coverage:.4%} of the parcels; the rest is in the remainder.")]
    return []
