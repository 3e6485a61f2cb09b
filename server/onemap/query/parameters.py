"""The parameters that requests for features and for tiles share, as the OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from onemap.block import Parameter
from onemap.block.query import SHARED
from onemap.catalog import Field, property_schema
from onemap.query import filters
from onemap.store import View

DATETIME = Parameter(
    "datetime",
    {"type": "string"},
    "Only features whose time meets an instant or an interval: `2025-12-31`, `2025-01-01T00:00:00Z`, "
    "`2025-01-01/2025-12-31`, `2025-01-01/..`. Features without a time always match.",
)


def property_parameters(view: View, taken: Container[str]) -> list[Parameter]:
    """Return a parameter for each queryable with a simple value, with its schema (Part 3, 19-079r2, 7.2)."""
    fields = [field for field in filters.queryables(view).values() if field]
    free = [field for field in fields if field.name not in taken and field.name not in SHARED]
    return [Parameter(field.name, _value_schema(field), f"Only features with this {field.name}.") for field in free]


def _value_schema(field: Field) -> dict[str, Any]:
    """Return the schema of a queryable without the titles of its codes: OpenAPI 3.0 knows no ``const``."""
    return {name: value for name, value in property_schema(field, "en").items() if name != "oneOf"}
