"""Write the declaration of an imported layer, for the administrator to complete."""

from __future__ import annotations

from typing import Any

import yaml

from onemap.ingest.read import Layer


def declaration(layer: Layer, identifier: str, store: str, level: str, title: str) -> str:
    """Return the YAML text of ``collections/<identifier>.yml`` with every field listed."""
    document: dict[str, Any] = {
        "id": identifier,
        "title": {"zh": title, "en": title},
        "source": {"store": store, "table": identifier},
        "level": level,
        "fields": {field.name: {"title": field.name} for field in layer.fields},
    }
    head = "# Imported layer. Complete the titles; add role, date and coverage when processes shall use it.\n"
    return head + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)
