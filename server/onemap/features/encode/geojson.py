"""Write features as GeoJSON (RFC 7946), batch by batch; JSON-FG shares the frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from onemap.features.encode.context import Context, timestamp
from onemap.geo.crs import Crs
from onemap.geo.geojson import geojson, geojson_texts
from onemap.store import Batch

_FEW = 50
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
Feature = dict[str, Any]


def features(batch: Batch, storage: Crs, crs: Crs) -> list[Feature]:
    """Return the features of a batch as GeoJSON objects for orjson; coordinates in the axis order of ``crs``."""
    names = list(batch.columns)
    rows = zip(*batch.columns.values(), strict=True) if names else iter([()] * len(batch))
    shapes = _shapes(batch, storage, crs)
    return [
        {"type": "Feature", "id": key, "geometry": shape, "properties": dict(zip(names, row, strict=True))}
        for key, shape, row in zip(batch.keys, shapes, rows, strict=True)
    ]


def _shapes(batch: Batch, storage: Crs, crs: Crs) -> list[Any]:
    """Return the geometries as orjson takes them."""
    if len(batch) > _FEW:
        return list(geojson(batch.geometries, storage, crs))
    texts = geojson_texts(batch.geometries, storage, crs)
    return [None if text is None else orjson.Fragment(text) for text in texts]


def write(batches: Iterator[Batch], context: Context) -> Iterator[bytes]:
    """Yield a FeatureCollection with coordinates in the axis order of the CRS asked for."""
    return feature_collection(batches, context, {}, lambda batch: features(batch, context.storage, context.crs))


def feature_collection(
    batches: Iterator[Batch], context: Context, head: dict[str, Any], make: Callable[[Batch], list[Feature]]
) -> Iterator[bytes]:
    """Yield a FeatureCollection of at most ``context.limit`` features, with the members of ``head`` first.

    ``batches`` may hold one feature more: then there is a next page, and ``context.links`` is asked for the
    links with the last key written, otherwise with None. The members that depend on it come last.
    """
    opening: dict[str, Any] = {"type": "FeatureCollection", **head, "timeStamp": timestamp()}
    if context.matched is not None:
        opening["numberMatched"] = context.matched
    pending = orjson.dumps(opening)[:-1] + b',"features":['
    written, last, more = 0, None, False
    for batch in batches:
        made = make(batch)
        more = written + len(made) > context.limit
        kept = made[: context.limit - written]
        if kept:
            body = orjson.dumps(kept, option=_OPTIONS)[1:-1]
            pending += (b"," if written else b"") + body
            written, last = written + len(kept), kept[-1]["id"]
        if len(pending) > 65536:
            yield pending
            pending = b""
    closing = {"numberReturned": written, "links": context.links(last if more else None)}
    yield pending + b"]," + orjson.dumps(closing)[1:]
