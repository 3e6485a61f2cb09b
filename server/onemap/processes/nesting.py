"""Results inside results: a review holds those of the processes that it composes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def is_single(value: Any) -> bool:
    """Whether a value is the result of a process on parcels."""
    return isinstance(value, Mapping) and isinstance(value.get("process"), Mapping) and "parcels" in value


def is_result(value: Any) -> bool:
    """Whether a value is the result of another process, or holds nothing but such results by process id."""
    return is_single(value) or (
        isinstance(value, Mapping) and bool(value) and all(is_result(item) for item in value.values())
    )


def nested(result: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the results of other processes that a result nests, by process id, outer ones first."""
    for value in result.values():
        if not is_result(value):
            continue
        for item in [value] if is_single(value) else value.values():
            if is_single(item):
                yield str(item["process"].get("id", "")), item
            yield from nested(item)


def data_of(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of ``data``, those of nested results too, each layer in each version once."""
    used = [*(result.get("data") or ()), *(item for _, inner in nested(result) for item in inner.get("data") or ())]
    return list({(item.get("collection"), item.get("version")): item for item in used}.values())
