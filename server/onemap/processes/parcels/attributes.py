"""Attributes of parcels from tables: JSON values, and which of them are the id and the name."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

_IDS = ("dkbh", "地块编号", "bsm", "bh", "id", "objectid", "fid")
_NAMES = ("name", "名称", "地块名称", "项目名称", "dkmc", "xmmc", "mc")


def plain(value: Any) -> Any:
    """Return a value of a table as JSON holds it; None for what it cannot hold."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.datetime | datetime.time):
        return value.isoformat()
    return value if isinstance(value, str | int | bool) else None


def describe(values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the id and the name that a row carries, as far as it has such columns."""
    return _first(values, _IDS), _first(values, _NAMES)


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    lowered = {key.lower(): value for key, value in values.items()}
    found = (lowered.get(name) for name in names)
    return next((str(value) for value in found if value not in (None, "")), None)
