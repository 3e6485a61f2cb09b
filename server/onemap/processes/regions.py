"""Names of counties, towns and villages, from the administrative layers that the caller may see."""

from __future__ import annotations

from collections.abc import Iterable

from onemap.cql import one_of
from onemap.processes.accounts import LEVELS
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.store import FeatureQuery

_AT_ONCE = 5_000
MOST_PARTS = 100_000
"""Most features of the regions asked for: one region may be many, with its islands and exclaves."""


def region_names(context: Context, location_codes: Iterable[str]) -> dict[str, str]:
    """Return names by code for the regions that hold these 19-digit location codes, as far as they are known."""
    wanted = sorted({code[:digits] for code in location_codes for _, digits in LEVELS if len(code) >= digits})
    names: dict[str, str] = {}
    for layer in layers_for(context, ["admin"], None):
        for start in range(0, len(wanted), _AT_ONCE):
            names |= _names(layer, wanted[start : start + _AT_ONCE])
    return names


def _names(layer: Layer, codes: list[str]) -> dict[str, str]:
    code, name = layer.column("code"), layer.column("name")
    if not code or not name:
        return {}
    query = FeatureQuery(limit=MOST_PARTS, columns=(code, name), filter=one_of(code, codes))
    found: dict[str, str] = {}
    for batch in layer.store.batches(layer.view, query):
        pairs = zip(batch.columns[code], batch.columns[name], strict=True)
        found |= {str(key): str(value) for key, value in pairs if key and value}
    return found
