"""Outputs of analyses of parcels beside the result: report (PDF), table (XLSX), pieces (files of geometries)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from onemap.config import Text
from onemap.processes.analysis import Analysis, no_pieces
from onemap.processes.layers import Layer
from onemap.processes.model import DRAWING, Context, Output, Process
from onemap.processes.reports.compose import compose
from onemap.processes.reports.content import Content
from onemap.processes.reports.maps.atlas import Atlas, Map
from onemap.processes.reports.pdf import pdf
from onemap.processes.reports.pieces import GEOJSON, GEOPACKAGE, SHAPEFILE, SHAPEFILE_GBK, write_pieces
from onemap.processes.reports.pieces.tables import PieceTable, tables_of
from onemap.processes.reports.xlsx import workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
_FILE = {"type": "string", "format": "binary"}

OUTPUTS = (
    Output(
        "report",
        Text(zh="报告", en="Report"),
        Text(
            zh="PDF 报告：项目、位置图、各图层图与表、结论、数据现势性",
            en="PDF: project, maps, tables, conclusion, data",
        ),
        {**_FILE, "contentMediaType": PDF},
        PDF,
        default=False,
    ),
    Output(
        "table",
        Text(zh="表格", en="Table"),
        Text(zh="XLSX 工作簿，合计、占比与闭合检查为公式", en="XLSX workbook; sums, shares and checks are formulas"),
        {**_FILE, "contentMediaType": XLSX},
        XLSX,
        default=False,
    ),
    Output(
        "pieces",
        Text(zh="图斑", en="Pieces"),
        Text(
            zh="地块与各图层相交的图斑：GeoPackage，或压缩的 Shapefile（UTF-8 或 GBK）、GeoJSON",
            en="What of each layer lies in the parcels: GeoPackage, or zipped Shapefile (UTF-8 or GBK), or GeoJSON",
        ),
        {**_FILE, "contentMediaType": GEOPACKAGE},
        GEOPACKAGE,
        default=False,
        others=(SHAPEFILE, SHAPEFILE_GBK, GEOJSON),
    ),
)
"""The outputs that every process of parcels has beside its result, made only when they are asked for."""


def make(process: Process, media_type: str, analysis: Analysis, context: Context) -> Mapping[str, Any]:
    """Return the outputs beside the result that are wanted, and what is drawn on the page of a job.

    The drawing is GeoJSON: the parcels, and the pieces where these are wanted; its features say of which ``layer``.
    ``media_type``: that the parcels came in. Raises Unavailable for a report that cannot be typeset here.
    """
    made: dict[str, Any] = {}
    wanted = [output.id for output in OUTPUTS if output.id in context.wanted]
    scratch = context.settings.scratch

    @cache
    def content() -> Content:
        title = process.title.get(context.lang)
        return compose(title, media_type, analysis, context, _evidence(process, analysis, context))

    @cache
    def tables() -> list[PieceTable]:
        return tables_of(analysis if "pieces" in wanted else replace(analysis, pieces=no_pieces))

    writers: Mapping[str, Callable[[], Any]] = {
        "report": lambda: _report(content(), analysis, context),
        "table": lambda: workbook(content()),
        "pieces": lambda: write_pieces(tables(), context.wanted["pieces"], scratch),
        DRAWING: lambda: write_pieces(tables(), GEOJSON, scratch),
    }
    for at, name in enumerate(wanted):
        context.progress(0.9 + 0.1 * at / len(wanted), name)
        made[name] = writers[name]()
    return made | ({DRAWING: writers[DRAWING]()} if DRAWING in context.wanted else {})


def _evidence(process: Process, analysis: Analysis, context: Context) -> str:
    """Return the address under which the result will be attested; empty where nothing is."""
    notary = context.desk.notary
    return notary.address(process, analysis.result, context) if notary else ""


def _report(content: Content, analysis: Analysis, context: Context) -> bytes:
    title = context.settings.service.title.get(context.lang)
    maps = dict(_maps(content, analysis, context))
    return pdf(content, maps, title, str(analysis.result["areaDefinition"]), context.desk.typefaces)


def _maps(content: Content, analysis: Analysis, context: Context) -> Iterator[tuple[str, Map]]:
    """Yield the map of the location, under an empty name, and those of the layers that chapters show."""
    atlas = Atlas(analysis.parcels, context)
    location = atlas.location()
    if location:
        yield "", location
    shown = {chapter.collection: chapter.distance for chapter in content.chapters}
    layers: Mapping[str, Layer] = {layer.collection.id: layer for layer in analysis.layers}
    for name, layer in layers.items():
        found = atlas.layer(layer, shown[name]) if name in shown else None
        if found:
            yield name, found
