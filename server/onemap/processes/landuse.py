"""The process landuse-breakdown: how much of the parcels is which land class, owned by whom, lying where."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from onemap.config import Text
from onemap.processes.accounts.breakdown import ROLE, Breakdown, breakdown, one_layer
from onemap.processes.analysis import Analysis
from onemap.processes.layers import layers_for
from onemap.processes.ministry import FARMLAND, REDLINE, ministry
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import LAYERS, ParcelProcess, head, tail
from onemap.processes.project import Project
from onemap.processes.rulebook import RuleLibrary

__all__ = ["Breakdown", "LanduseBreakdown", "breakdown", "one_layer"]


class LanduseBreakdown(ParcelProcess):
    """Break parcels down by land class."""

    id = "landuse-breakdown"
    version = "1.1.0"
    title = Text(zh="土地利用现状分析", en="Land-use breakdown")
    description = Text(
        zh="按地类、权属和县乡村统计地块的土地利用现状面积：扣除田坎系数后的净面积和毛面积，各级表格调平。",
        en="Breaks the parcels down by land class, ownership, county, town and village: net of the deduction of field "
        "ridges, and gross; the tables close at every level.",
    )
    keywords = ("land use", "地类", "三调", "DLTB")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    ministry: Annotated[
        bool,
        Words(
            Text(zh="部表字段", en="Ministry tables"),
            Text(
                zh="是否按部“一张图”用途管制表的字段（公顷，四位小数）给出占地面积",
                en="Whether to state the areas under the fields of the ministry's land-use control tables (hectares)",
            ),
        ),
    ] = False

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the role broken down, and those of the control lines that the ministry's tables name."""
        return (ROLE, FARMLAND, REDLINE)

    def analyse(self, context: Context) -> Analysis:
        """Return classes, groups, regions and remainder; classes and remainder sum to the parcels' area."""
        layers = layers_for(context, self.roles(), self.layers)
        layer = one_layer(layers)
        parcels = context.parcels(self.parcels, self.crs)
        project = Project(parcels)
        book = breakdown(context, layer, project)
        result = {**head(type(self), None, parcels, book.plane.crs, book.plane.area), **book.json()}
        data, notes, used = [book.data()], [*parcels.notes, *book.notes], [layer]
        if self.ministry:
            tables = ministry(context, project, book.accounts, layers)
            result["ministry"] = tables.entry
            data, notes, used = data + tables.data, notes + tables.notes, used + tables.layers
        return Analysis({**result, **tail(data, notes)}, parcels, used, lambda: [book.pieces()])
