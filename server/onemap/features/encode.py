"""Write features as GeoJSON, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from onemap.block.links import Link
from onemap.geo.crs import Crs
from onemap.geo.geojson import geojson
from onemap.store import Batch
from onemap.store.base import Key

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def features(batch: Batch, storage: Crs, crs: Crs) -> list[dict[str, Any]]:
    """Return the features of a batch as GeoJSON objects with coordinates in ``crs``, authority axis order."""
    names = list(batch.columns)
    rows = zip(*batch.columns.values(), strict=True) if names else iter([()] * len(batch))
    shapes = geojson(batch.geometries, storage, crs)
    return [
        {"type": "Feature", "id": key, "geometry": shape, "properties": dict(zip(names, row, strict=True))}
        for key, shape, row in zip(batch.keys, shapes, rows, strict=True)
    ]


def feature_collection(
    batches: Iterator[Batch],
    storage: Crs,
    crs: Crs,
    limit: int,
    matched: int | None,
    links: Callable[[Key | None], list[Link]],
) -> Iterator[bytes]:
    """Yield a FeatureCollection of at most ``limit`` features.

    ``batches`` may hold one feature more: then there is a next page, and ``links`` is asked for the
    links with the last key written, otherwise with None. The members that depend on it come last.
    """
    opening: dict[str, Any] = {"type": "FeatureCollection", "timeStamp": timestamp()}
    if matched is not None:
        opening["numberMatched"] = matched
    pending = orjson.dumps(opening)[:-1] + b',"features":['
    written, last, more = 0, None, False
    for batch in batches:
        made = features(batch, storage, crs)
        more = written + len(made) > limit
        kept = made[: limit - written]
        if kept:
            body = orjson.dumps(kept, option=_OPTIONS)[1:-1]
            pending += (b"," if written else b"") + body
            written, last = written + len(kept), kept[-1]["id"]
        if len(pending) > 65536:
            yield pending
            pending = b""
    closing = {"numberReturned": written, "links": links(last if more else None)}
    yield pending + b"]," + orjson.dumps(closing)[1:]


def timestamp() -> str:
    """Return the present time as an RFC 3339 timestamp."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
