"""Chapters from the members of a result: land use, control lines, and whatever else a process says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from onemap.geo.rounding import round_half_up
from onemap.processes.reports.content import Basis, Chapter, Closing, Column, Table, Verdict
from onemap.processes.reports.figures import shown, with_mu
from onemap.processes.reports.plain import plain_chapter
from onemap.processes.reports.words import TONES, Words

Result = Mapping[str, Any]
_MOST_ATTRIBUTES = 6
_ACCOUNTS = ("classes", "groups", "regions", "remainder")
_NUMBERS = ("BSM", "YSDM")
"""Fields of every table of the survey that say nothing about the feature."""


def verdict_of(code: Any, words: Words) -> Verdict | None:
    """Return a status as words and tone; None where there is none."""
    return Verdict(words.status(code), TONES.get(str(code), "grey")) if isinstance(code, str) else None


def chapters_of(result: Result, words: Words) -> Iterator[Chapter]:
    """Yield the chapters of one result."""
    if "classes" in result and "remainder" in result:
        yield landuse_chapter(result, words)
    layers = [item for item in result.get("layers") or () if isinstance(item, Mapping) and "status" in item]
    if layers:
        yield Chapter(
            words("layers"), verdict=verdict_of(result.get("verdict"), words), tables=[_layer_table(layers, words)]
        )
        yield from (layer_chapter(layer, words) for layer in layers)
    known = [*(_ACCOUNTS if "remainder" in result else ()), *(["layers"] if layers else [])]
    rest = plain_chapter(result, words, known)
    if rest is not None:
        yield rest


def area_columns(words: Words, share: bool = True) -> list[Column]:
    """Return the columns of a closed area: m2, ha, 亩 and the share."""
    columns = [
        Column("areaRounded", words("areaRounded"), "area", 17, summed=True),
        Column("hectares", words("hectares"), "hectares", 14, summed=True),
        Column("mu", words("mu"), "mu", 13, summed=True),
    ]
    return [*columns, Column("share", words("share"), "share", 10, summed=True, of="areaRounded")] if share else columns


def landuse_chapter(result: Result, words: Words) -> Chapter:
    """Return the chapter of a land-use breakdown: classes, groups, regions, and whether they close."""
    whole = float(result["parcels"]["area"])
    rows = [_class_row(item, words) for item in result["classes"]]
    rest = result["remainder"]
    if rest.get("area"):
        rows.append({**rest, "code": "", "name": words("remainder")})
    closings = [
        Closing("areaRounded", words("parcelArea"), float(round_half_up(whole, 2))),
        Closing("hectares", words("parcelHectares"), float(round_half_up(whole / 1e4, 4))),
    ]
    classes = Table("classes", words("classes"), _class_columns(words), with_mu(rows), whole, closings)
    groups = [{"group": words(name), **item} for name, item in result.get("groups", {}).items()]
    grouped = Table(
        "groups", words("groups"), [Column("group", words("group")), *area_columns(words)], with_mu(groups), whole
    )
    role = next((item["collection"] for item in result.get("data", []) if item.get("role") == "landuse"), None)
    tables = [classes, grouped, *_region_tables(result.get("regions") or (), words)]
    return Chapter(words("landuse"), tables=tables, collection=role)


def _class_columns(words: Words) -> list[Column]:
    heads = (("code", 9), ("name", 18), ("group", 14), ("ownership", 10))
    return [*(Column(key, words(key), width=width) for key, width in heads), *area_columns(words)]


def _class_row(item: Mapping[str, Any], words: Words) -> dict[str, Any]:
    said = {key: words(str(item[key])) for key in ("group", "ownership") if item.get(key)}
    return {**item, **said}


def _region_tables(regions: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Table]:
    """Yield a table of the three groups for each level of regions, and one of all their classes."""
    names = [*(("code", 15), ("name", 18))]
    heads = [Column(key, words(key), width=width) for key, width in names]
    groups = [Column(name, words(name), "area", 17, summed=True) for name in ("agricultural", "construction", "unused")]
    for level in dict.fromkeys(str(item["level"]) for item in regions):
        own = [_region_row(item) for item in regions if item["level"] == level]
        title = f"{words('regions')}：{words(level)}" if words.lang == "zh" else f"{words(level)}: {words('areas')}"
        yield Table(f"regions:{level}", title, [*heads, *groups, *area_columns(words, share=False)], with_mu(own))
    rows = [
        {**_class_row(item, words), "level": words(str(region["level"])), "region": region["code"],
         "regionName": region.get("name")}
        for region in regions
        for item in region.get("classes", ())
    ]  # fmt: skip
    first = [Column("level", words("level"), width=8), Column("region", words("code"), width=15)]
    first.append(Column("regionName", words("name"), width=18))
    kept = [replace(column, summed=False) for column in _class_columns(words) if column.key != "share"]
    if rows:
        yield Table("regionClasses", words("regionClasses"), [*first, *kept], with_mu(rows), detail=True)


def _region_row(region: Mapping[str, Any]) -> dict[str, Any]:
    """Return a region with the sums of its three groups."""
    sums: dict[str, float] = {}
    for item in region.get("classes", ()):
        group = str(item.get("group") or "other")
        sums[group] = round(sums.get(group, 0.0) + item["areaRounded"], 2)
    return {**region, **{name: sums.get(name, 0.0) for name in ("agricultural", "construction", "unused")}}


def _layer_table(layers: Sequence[Mapping[str, Any]], words: Words) -> Table:
    rows = [
        {
            **item,
            "title": item.get("title") or item.get("collection") or item.get("role"),
            "status": words.status(item["status"]),
            "hitCount": len(item.get("hits") or ()),
            "significant": _yes(item.get("significant"), words),
        }
        for item in layers
    ]
    columns = [
        Column("title", words("layer"), width=20),
        Column("status", words("status"), width=18),
        Column("area", words("area"), "area", 17),
        Column("share", words("share"), "share", 10),
        Column("hitCount", words("hitCount"), "integer", 8),
        Column("distance", words("distance"), "metres", 13),
        Column("coverage", words("coverage"), "share", 10),
        Column("significant", words("significant"), width=12),
    ]
    return Table("layers", words("layers"), columns, rows)


def layer_chapter(layer: Mapping[str, Any], words: Words) -> Chapter:
    """Return the chapter of one control line: what is touched, each hit, and the legal basis."""
    hits = list(layer.get("hits") or ())
    title = str(layer.get("title") or layer.get("collection") or layer.get("role") or "")
    tables = [hit_table(f"hits:{layer.get('collection')}", words("hitsOf"), [(title, layer)], words)] if hits else []
    basis = [
        Basis(str(item.get("title", "")), str(item.get("text", "")), str(item.get("effective", "")))
        for item in layer.get("basis") or ()
        if isinstance(item, Mapping)
    ]
    return Chapter(
        title,
        2,
        verdict_of(layer.get("status"), words),
        list(_sentences(layer, hits, words)),
        tables,
        basis,
        layer.get("collection"),
        layer.get("distance"),
    )


def _sentences(layer: Mapping[str, Any], hits: Sequence[Any], words: Words) -> Iterator[str]:
    status, coverage = layer.get("status"), layer.get("coverage")
    if status in ("error", "timeout"):
        yield words("saysFailed")
        return
    if hits:
        area = float(layer.get("area") or 0.0)
        yield words(
            "saysTouched",
            hits=len(hits),
            area=shown(area, "area"),
            hectares=shown(area / 1e4, "hectares"),
            share=shown(layer.get("share"), "share"),
        )
    if isinstance(coverage, int | float) and coverage < 1:
        yield words("saysUnknown", coverage=shown(coverage, "share"))
    elif status == "not-involved":
        yield words("saysFree")
    if layer.get("distance") is not None:
        yield words("saysNearest", distance=shown(layer["distance"], "metres"))


def all_hits(result: Result, words: Words) -> Table | None:
    """Return the hits of all layers of a result as one table, None where there are none."""
    layers = [item for item in result.get("layers") or () if isinstance(item, Mapping) and item.get("hits")]
    named = [(str(item.get("title") or item.get("collection")), item) for item in layers]
    return hit_table("hits", words("hits"), named, words, titled=True) if named else None


def hit_table(
    identifier: str,
    title: str,
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    words: Words,
    titled: bool = False,
) -> Table:
    """Return the hits of layers; ``titled``: with a column that names the layer."""
    rows = [
        {
            **hit,
            "layer": name,
            "significant": _yes(hit.get("significant"), words),
            "attributes": _attributes(hit.get("properties") or {}, layer.get("collection"), words),
        }
        for name, layer in layers
        for hit in layer.get("hits") or ()
    ]
    columns = [
        *([Column("layer", words("layer"), width=18)] if titled else []),
        Column("id", words("id"), width=16),
        Column("name", words("name"), width=22),
        Column("areaRounded", words("areaRounded"), "area", 15, summed=True),
        Column("hectares", words("hectares"), "hectares", 13, summed=True),
        Column("share", words("share"), "share", 9),
        Column("significant", words("significant"), width=12),
        Column("attributes", words("attributes"), width=40),
    ]
    return Table(identifier, title, columns, rows)


def _attributes(properties: Mapping[str, Any], collection: Any, words: Words) -> str:
    """Return the first attributes of a feature that say something, on one line."""
    said = ((key, value) for key, value in properties.items() if value not in (None, "") and key not in _NUMBERS)
    told = [f"{words.field(collection, key)}: {value}" for key, value in said]
    return "; ".join(told[:_MOST_ATTRIBUTES])


def _yes(value: Any, words: Words) -> str:
    return "" if value is None else words("yes" if value else "no")
