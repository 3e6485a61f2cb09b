"""The policy: from a principal and a collection to a View, or to nothing. Default deny.

The matrix of zones and levels follows the network plan of natural-resource departments (2019): what
a zone does not name is denied, and a configuration may only tighten it. Secret data (X3) is denied
everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from onemap.block import Principal
from onemap.catalog import Collection
from onemap.config import PolicySettings
from onemap.config.models import Level, Zone
from onemap.errors import ConfigError
from onemap.store import View

MATRIX: Mapping[Zone, frozenset[Level]] = {
    "internet": frozenset({"P"}),
    "extranet": frozenset({"P", "G"}),
    "business": frozenset({"P", "G", "S"}),
    "classified": frozenset({"P", "G", "S", "C"}),
}
_SECRET: Mapping[str | None, frozenset[Level]] = {
    None: frozenset(),
    "X1": frozenset({"X1"}),
    "X2": frozenset({"X1", "X2"}),
}


class Policy:
    """The policy of one zone."""

    def __init__(self, zone: Zone, settings: PolicySettings) -> None:
        allowed = MATRIX[zone] | (_SECRET[settings.accredited] if zone == "classified" else frozenset())
        if settings.accredited and zone != "classified":
            raise ConfigError(f"policy.accredited is set, but the zone is '{zone}'.", "Only classified zones have it.")
        for level, treatment in settings.levels.items():
            if treatment == "raw" and level not in allowed:
                raise ConfigError(
                    f"policy.levels.{level}: raw is not allowed in the zone '{zone}'.",
                    "A configuration may tighten the zone's matrix, never loosen it.",
                )
        denied = {level for level, treatment in settings.levels.items() if treatment == "deny"}
        self._readable = allowed - denied
        self._views: dict[str, View] = {}

    def view(self, principal: Principal, collection: Collection) -> View | None:
        """Return what the principal may see of the collection, or None when that is nothing at all."""
        _ = principal
        if collection.level not in self._readable:
            return None
        known = self._views.get(collection.id)
        if known is None or known.collection is not collection:
            columns = tuple(field for field in collection.fields if field.level in self._readable)
            known = self._views[collection.id] = View(collection, columns)
        return known
