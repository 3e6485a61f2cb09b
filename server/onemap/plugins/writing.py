"""Changes that come through another server: the same validation, policy and log of changes as over our own API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from onemap.block.strict import parse_json
from onemap.config import EditingSettings
from onemap.errors import Forbidden, InvalidBody
from onemap.features.edit.body import read_creation, read_replacement
from onemap.features.edit.params import EditRequest
from onemap.features.edit.routes import coverage_of
from onemap.features.edit.shape import ShapeReader
from onemap.geo.crs import CRS84
from onemap.security import identify
from onemap.security.editing import refusal
from onemap.store import Edit, Store, View, WritableStore

# Coordinates are longitude and latitude; nothing is said of the state that is meant.
_REQUEST = EditRequest(
    body_crs=CRS84, crs=CRS84, conditional=False, expected=None, excluded=frozenset(), since=None, preference=None
)


@dataclass(frozen=True, slots=True)
class Writing:
    """Create, replace and delete single features of a view. ``asked``: whether the definition wants that at all."""

    store: Store
    view: View
    settings: EditingSettings
    asked: bool

    @property
    def refusal(self) -> str:
        """Why nothing can be changed, an empty text when something can; asks the store."""
        if not self.asked:
            return "The provider is not defined as editable."
        return refusal(self.settings, identify(), self.view, self.store)

    def create(self, item: Any) -> str:
        """Create a feature and return its id."""
        store = self._open()
        creation = read_creation(_data(item), self.view, self._shapes(store), 1)
        if creation.batch:
            raise InvalidBody("Features are created one at a time here, not as a FeatureCollection.")
        return str(store.edit(self.view, creation.edits)[0].keys[0])

    def replace(self, identifier: str, item: Any) -> None:
        """Replace a feature: what is not given has no value any more."""
        store = self._open(present=True)
        edit = read_replacement(_data(item), self.view, self._shapes(store), identifier, _REQUEST)
        store.edit(self.view, [edit])

    def delete(self, identifier: str) -> None:
        """Delete a feature."""
        self._open(present=True).edit(self.view, [Edit("delete", identifier)])

    def _open(self, present: bool = False) -> WritableStore:
        reason = self.refusal
        if not reason and present and self.settings.require_match:
            reason = "Changes must say with If-Match which state they mean, which pygeoapi does not pass on."
        if reason or not isinstance(self.store, WritableStore):
            raise Forbidden(reason)
        return self.store

    def _shapes(self, store: WritableStore) -> ShapeReader:
        return ShapeReader(self.view, CRS84, self.settings.max_vertices, coverage_of(self.view, store))


def _data(item: Any) -> Any:
    """Return the document of an item, checked as any JSON that comes in: pygeoapi hands over the body as it came."""
    if isinstance(item, str):
        item = item.encode()
    return parse_json(item if isinstance(item, bytes) else orjson.dumps(item))
