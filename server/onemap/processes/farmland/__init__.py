"""The process farmland-change: where cultivated land was built on, planted otherwise, lost or won (非农化, 非粮化)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.processes.accounts.breakdown import ROLE, classes_of, coverage_notes, one_layer, plane_of
from onemap.processes.analysis import Analysis, PieceLayer
from onemap.processes.farmland.compare import Changes, State, compare
from onemap.processes.farmland.rules import FARMLAND, Rules
from onemap.processes.farmland.tables import Tables
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.parcels import Note
from onemap.processes.project import Project
from onemap.processes.regions import region_names
from onemap.processes.rulebook import RuleLibrary
from onemap.processes.tables import rounded

__all__ = ["PREVIOUS", "FarmlandChange"]

PREVIOUS = "landuse-previous"


class FarmlandChange(ParcelProcess):
    """Say how cultivated land has changed inside parcels."""

    id = "farmland-change"
    version = "1.0.0"
    title = Text(zh="耕地变化（非农化、非粮化）", en="Changes of cultivated land")
    description = Text(
        zh="比较前后两期地类图斑，给出地块内耕地的非农化、非粮化、转出和新增：面积、地类转移和分县乡村统计。",
        en="Compares two states of the land survey: cultivated land that was built on, that grows other crops than "
        "grain, that was lost or won; areas, transitions of classes, and regions.",
    )
    keywords = ("farmland", "非农化", "非粮化", "耕地", "change")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the two states."""
        return (ROLE, PREVIOUS)

    def analyse(self, context: Context) -> Analysis:
        """Return the changes by kind, classes and region. Only where both layers reach can anything be said."""
        catalogue = context.rules(Rules, FARMLAND, self.effective)
        layers = layers_for(context, self.roles(), self.layers)
        now, then = one_layer(layers), one_layer(layers, PREVIOUS)
        parcels = context.parcels(self.parcels, self.crs)
        project = Project(parcels)
        plane = plane_of(project, now)
        context.progress(0.1, then.collection.id)
        before = State.read(then, plane_of(project, then), plane.crs)
        context.progress(0.25, now.collection.id)
        after = State.read(now, plane, plane.crs)
        classes = classes_of(now, context)
        changes = compare(before, after, classes, catalogue, context.progress)
        places = {before.parts.cells[at].place for at in changes.before.tolist()}
        tables = Tables(changes, before, after, classes, catalogue, region_names(context, places - {""}))
        coverage = {layer.collection.id: project.coverage(layer) for layer in (then, now)}
        result = {
            **head(type(self), catalogue.cited(), parcels, plane.crs, plane.area),
            "cultivated": _cultivated(before, after),
            **tables.json(),
            **tail(
                [layer.data(coverage[layer.collection.id] or 0.0) for layer in (then, now)],
                [*parcels.notes, *_notes(before, coverage), *_notes(after, coverage)],
            ),
        }
        return Analysis(result, parcels, [then, now], lambda: [_pieces(tables, changes)])


def _cultivated(before: State, after: State) -> dict[str, Any]:
    """Return the cultivated land of both states inside the parcels, net of what is deducted."""
    was, now = before.net(), after.net()
    return {
        "previous": {"area": was, **rounded(was)},
        "current": {"area": now, **rounded(now)},
    }


def _notes(state: State, coverage: dict[str, float | None]) -> list[Note]:
    layer: Layer = state.layer
    return [*state.found.notes, *state.parts.notes, *coverage_notes(layer, coverage[layer.collection.id])]


def _pieces(tables: Tables, changes: Changes) -> PieceLayer:
    """Return the places that changed."""
    before, after, kinds = tables.before, tables.after, tables.rules.kinds
    columns: dict[str, Any] = {
        "kind": [kinds[at].id for at in changes.kind.tolist()],
        "before": [before.codes[at] for at in changes.before.tolist()],
        "after": [after.codes[at] for at in changes.after.tolist()],
        "crop_before": [before.crops[at] or None for at in changes.before.tolist()],
        "crop": [after.crops[at] or None for at in changes.after.tolist()],
        "place": [before.parts.cells[at].place for at in changes.before.tolist()],
        "net": changes.net.tolist(),
    }
    title = FarmlandChange.title.get(tables.classes.lang)
    return PieceLayer("farmland_change", title, after.crs, changes.shapes, changes.areas, columns)
