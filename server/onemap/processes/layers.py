"""The layers that a process works on: views of the caller, found by role."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onemap.block.query import shorten
from onemap.catalog import Collection
from onemap.errors import InvalidBody, did_you_mean
from onemap.geo.overlay import Overlay
from onemap.processes.model import Context
from onemap.processes.parcels import Note
from onemap.processes.spread import Spread, here
from onemap.store import Store, View


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as the caller may see it; ``spread`` does work on it that falls into parts."""

    view: View
    store: Store
    spread: Spread = here

    @property
    def collection(self) -> Collection:
        """The collection of the view."""
        return self.view.collection

    @property
    def role(self) -> str:
        """The role of the layer."""
        return self.collection.role or ""

    def column(self, role: str) -> str | None:
        """Return the name of the visible field with a role, or None: hidden ones are as absent ones."""
        return next((item.name for item in self.view.columns if item.role == role), None)

    def data(self, coverage: float) -> dict[str, Any]:
        """Return the entry of ``data`` in a result: what was asked, in which version, how far it covers the parcels."""
        return {
            "collection": self.collection.id,
            "role": self.role,
            "version": self.store.version(self.collection),
            "date": self.collection.date,
            "coverage": coverage,
        }


def repaired_notes(layer: Layer, found: Overlay) -> list[Note]:
    """Say which features of a layer were repaired before they were cut."""
    if not len(found.repaired):
        return []
    shown = ", ".join(str(key) for key in found.repaired[:5].tolist())
    text = f"{len(found.repaired)} invalid features were repaired before they were cut ({shown})."
    return [Note("repaired-features", f"{layer.collection.id}: {text}")]


def layers_for(context: Context, roles: Names[str], wanted: Sequence[str] | None) -> list[Layer]:
    """Return the layers with these roles that the caller may see, or those of them that ``wanted`` names.

    ``wanted`` holds roles and collection ids. Raises InvalidBody alike for unknown, hidden and unsuited ones.
    """
    views = [view for view in context.gate.views(context.principal) if view.collection.role in roles]
    layers = [Layer(view, context.gate.store(view), context.spread) for view in views]
    if wanted is None:
        return layers
    names = {layer.collection.id for layer in layers} | {layer.role for layer in layers}
    for place, name in enumerate(wanted):
        if name not in names:
            text = f"There is no layer '{shorten(name)}' for this process."
            raise InvalidBody(text, did_you_mean(name, names), pointer=f"/inputs/layers/{place}", value=shorten(name))
    return [layer for layer in layers if layer.collection.id in wanted or layer.role in wanted]
