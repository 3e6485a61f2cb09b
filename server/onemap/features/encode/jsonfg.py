"""Write features as JSON-FG (OGC 21-045r1, Features and Geometries JSON 1.0), classes core and types-schemas.

``geometry`` is always in CRS84, so that every GeoJSON reader is served (the profile jsonfg-plus); ``place``
repeats it in the CRS asked for, in the axis order of the authority, where that is not CRS84. In the profile jsonfg
``geometry`` is null where ``place`` has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from onemap.catalog import Field
from onemap.features.encode.context import Context
from onemap.features.encode.geojson import Feature, feature_collection, features
from onemap.geo.crs import CRS84
from onemap.geo.geojson import geojson
from onemap.store import Batch

_SPEC = "http://www.opengis.net/spec/json-fg-1/1.0/conf/"
CONFORMANCE = (_SPEC + "core", _SPEC + "types-schemas")
PROFILES = ("jsonfg", "jsonfg-plus")
_DIMENSIONS = {"POINT": 0, "LINESTRING": 1, "POLYGON": 2}


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield a JSON-FG feature collection."""
    head = root(context)
    dimension = _DIMENSIONS.get(context.collection.table.geometry_type.removeprefix("MULTI"))
    if dimension is not None:
        head["geometryDimension"] = dimension
    return feature_collection(batches, context, head, partial(_features, context))


def feature(batch: Batch, context: Context) -> dict[str, Any]:
    """Return a batch of one as a JSON-FG document."""
    return root(context) | _features(context, batch)[0]


def root(context: Context) -> dict[str, Any]:
    """Return the members that only the root object has (/req/core/metadata, /req/types-schemas)."""
    made: dict[str, Any] = {"conformsTo": list(CONFORMANCE), "featureType": context.collection.id}
    if context.schema:
        made["featureSchema"] = context.schema
    if context.crs != CRS84:
        made["coordRefSys"] = context.crs.uri
    return made


def _features(context: Context, batch: Batch) -> list[Feature]:
    plain = context.crs == CRS84
    placed_only = not plain and context.profile == "jsonfg"
    bare = replace(batch, geometries=np.full(len(batch), None, dtype=object)) if placed_only else batch
    made = features(bare, context.storage, CRS84)
    places = [None] * len(batch) if plain else geojson(batch.geometries, context.storage, context.crs)
    times = _times(batch, context)
    for item, place, time in zip(made, places, times, strict=True):
        item["place"] = place
        item["time"] = time
    return made


def _times(batch: Batch, context: Context) -> list[dict[str, Any] | None]:
    """Return the ``time`` member of each feature: a date, a timestamp or an interval; None without a time."""
    visible = {field.name: field for field in context.fields}
    fields = [visible[name] for name in context.collection.temporal if name in visible]
    if not fields or len(fields) < len(context.collection.temporal):
        return [None] * len(batch)
    columns = [batch.columns[field.name] for field in fields]
    if len(fields) == 2:
        return [_interval(values, (fields[0], fields[1])) for values in zip(*columns, strict=True)]
    return [_instant(value, fields[0]) for value in columns[0]]


def _instant(value: object, field: Field) -> dict[str, Any] | None:
    if value is None:
        return None
    if field.type == "integer":
        return {"interval": [f"{value:04}-01-01", f"{value:04}-12-31"]}
    return {"date" if field.type == "date" else "timestamp": value}


def _interval(values: tuple[object, ...], fields: tuple[Field, Field]) -> dict[str, Any] | None:
    if values == (None, None):
        return None
    ends = zip(values, fields, ("-01-01", "-12-31"), strict=True)
    return {"interval": [".." if value is None else _end(value, field, day) for value, field, day in ends]}


def _end(value: object, field: Field, day: str) -> object:
    return f"{value:04}{day}" if field.type == "integer" else value
