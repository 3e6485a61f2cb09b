"""From an analysis to the content of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from onemap import __version__
from onemap.geo.rounding import round_half_up
from onemap.processes.analysis import Analysis
from onemap.processes.model import Context
from onemap.processes.nesting import data_of, nested
from onemap.processes.reports.chapters import all_hits, chapters_of, verdict_of
from onemap.processes.reports.content import Chapter, Column, Content, Fact, Table
from onemap.processes.reports.figures import with_mu
from onemap.processes.reports.words import Words

_GIVEN = "地块面积"
"""The header field of parcel coordinate text that holds the area, in hectares where it is written rightly."""


def compose(title: str, media_type: str, analysis: Analysis, context: Context, evidence: str = "") -> Content:
    """Return the content of the report of an analysis.

    ``title``: of the process; ``media_type``: that the parcels came in; ``evidence``: address of the evidence.
    """
    fields = {
        layer.collection.id: {field.name: field.title.get(context.lang) for field in layer.view.columns}
        for layer in analysis.layers
    }
    titles = {name: title.get(context.lang) for name, title in context.desk.titles.items()}
    words = Words(context.lang, fields, titles)
    result = analysis.result
    chapters = list(chapters_of(result, words))
    sheets = [found] if (found := all_hits(result, words)) else []
    for name, inner in nested(result):
        head = Chapter(words.process(name), verdict=verdict_of(inner.get("verdict"), words))
        own = [replace(item, depth=2) for item in chapters_of(inner, words)]
        chapters += [head, *_marked(name, own)]
        sheets += [replace(found, id=f"{name}:hits")] if (found := all_hits(inner, words)) else []
    return Content(
        title,
        context.lang,
        list(_facts(result, media_type, words)),
        _parcels(analysis, words),
        chapters,
        _currency(result, context, words),
        _warnings(result, words),
        verdict_of(result.get("verdict"), words),
        sheets,
        evidence,
    )


def _marked(name: str, chapters: Sequence[Chapter]) -> list[Chapter]:
    """Return chapters whose tables' ids begin with the process that they are of."""
    return [
        replace(item, tables=[
            replace(table, id=table.id if table.id.startswith("hits:") else f"{name}:{table.id}")
            for table in item.tables
        ])
        for item in chapters
    ]  # fmt: skip


def _facts(result: Mapping[str, Any], media_type: str, words: Words) -> Iterator[Fact]:
    process, parcels, rules = result["process"], result["parcels"], result.get("rules")
    yield Fact(words("process"), f"{process['id']} {process['version']}")
    if rules:
        told = [str(rules.get(key)) for key in ("catalogue", "version") if rules.get(key)]
        effective = f" ({words('effective')} {rules['effective']})" if rules.get("effective") else ""
        yield Fact(words("rules"), " ".join(told) + effective)
    if result.get("purpose"):
        yield Fact(words("purpose"), str(result["purpose"]))
    yield Fact(words("source"), media_type)
    yield Fact(words("digest"), parcels["digest"])
    yield Fact(words("crs"), parcels["crs"])
    yield Fact(words("count"), parcels["count"], "integer")
    yield Fact(words("parcelArea"), float(round_half_up(parcels["area"], 2)), "area")
    yield Fact(words("parcelHectares"), float(round_half_up(parcels["area"] / 1e4, 4)), "hectares")
    yield Fact(words("software"), f"OneMap {__version__}")


def _parcels(analysis: Analysis, words: Words) -> Table:
    """Return the parcels with their areas, beside those that the file gives."""
    parcels = analysis.parcels
    rows: list[dict[str, Any]] = []
    for parcel, area in zip(parcels.parcels, parcels.areas, strict=True):
        square_metres = float(round_half_up(area, 2))
        given = parcel.properties.get(_GIVEN)
        row = {"index": parcel.index + 1, "id": parcel.id, "name": parcel.name, "areaRounded": square_metres,
               "hectares": float(round_half_up(area / 1e4, 4)), "given": given}  # fmt: skip
        rows.append({**row, "difference": _difference(given, area)})
    columns = [
        Column("index", words("index"), "integer", 7),
        Column("id", words("id"), width=18),
        Column("name", words("name"), width=24),
        Column("areaRounded", words("areaRounded"), "area", 17, summed=True),
        Column("hectares", words("hectares"), "hectares", 14, summed=True),
        Column("mu", words("mu"), "mu", 13, summed=True),
    ]
    if any(row["given"] for row in rows):
        columns += [
            Column("given", words("given"), width=16),
            Column("difference", words("difference"), "hectares", 13),
        ]
    return Table("parcels", words("parcels"), columns, with_mu(rows))


def _difference(given: Any, area: float) -> float | None:
    """Return the given area less the computed one in hectares; None for what is no number."""
    try:
        return float(round_half_up(str(given).strip(), 4) - round_half_up(area / 1e4, 4))
    except (ArithmeticError, ValueError):
        return None


def _currency(result: Mapping[str, Any], context: Context, words: Words) -> Table:
    """Return the data used, that of nested results too, each layer once."""
    rows = data_of(result)
    titles = {view.collection.id: view.collection.title for view in context.gate.views(context.principal)}
    told = [
        {**item, "title": titles[item["collection"]].get(context.lang) if item.get("collection") in titles else ""}
        for item in rows
    ]
    columns = [
        Column("title", words("layer"), width=20),
        Column("collection", words("collection"), width=18),
        Column("role", words("role"), width=16),
        Column("date", words("date"), width=12),
        Column("coverage", words("coverage"), "share", 10),
        Column("version", words("version"), width=40),
    ]
    return Table("data", words("data"), columns, told)


def _warnings(result: Mapping[str, Any], words: Words) -> Table:
    found = [*result.get("warnings", ()), *(item for _, inner in nested(result) for item in inner.get("warnings", ()))]
    rows = list({(item.get("code"), item.get("message"), item.get("parcel")): item for item in found}.values())
    columns = [
        Column("code", words("code"), width=24),
        Column("parcel", words("parcel"), width=14),
        Column("message", words("message"), width=80),
    ]
    return Table("warnings", words("warnings"), columns, rows)
