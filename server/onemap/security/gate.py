"""The gate: the one way from a request to the data of a collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onemap.block import Principal
from onemap.catalog import Collection, Registry
from onemap.config import EditingSettings
from onemap.errors import Forbidden, NotFound
from onemap.security.editing import refusal
from onemap.security.policy import Policy
from onemap.store import Store, View, WritableStore


class Gate:
    """Give views of the collections that a principal may see; a hidden one is as one that does not exist."""

    def __init__(
        self,
        registry: Registry,
        policy: Policy,
        stores: Mapping[str, Store],
        editing: EditingSettings | None = None,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._stores = stores
        self._editing = editing or EditingSettings()

    def take_up(self, collections: Iterable[Collection], stores: Mapping[str, Store]) -> None:
        """Publish collections of stores that were away; requests see all of them or none. Raises ConfigError."""
        registry = Registry([*self._registry, *collections])
        self._stores = {**self._stores, **stores}
        self._registry = registry

    def views(self, principal: Principal) -> list[View]:
        """Return a view of every collection that the principal may see, in catalogue order."""
        views = (self._policy.view(principal, collection) for collection in self._registry)
        return [view for view in views if view is not None]

    def view(self, principal: Principal, identifier: str) -> View:
        """Return the view of a collection. Raises NotFound alike for hidden and unknown ones."""
        collection = self._registry.get(identifier)
        view = self._policy.view(principal, collection) if collection else None
        if view is None:
            raise NotFound(f"There is no collection '{identifier[:80]}'.", "GET /collections lists the collections.")
        return view

    def store(self, view: View) -> Store:
        """Return the store that holds the view's collection."""
        return self._stores[view.collection.store]

    def editable(self, principal: Principal, view: View) -> bool:
        """Whether a principal may change the features of a view; may ask the store."""
        return not refusal(self._editing, principal, view, self.store(view))

    def writable(self, principal: Principal, view: View) -> WritableStore:
        """Return the store of a view for changes. Raises Forbidden with the reason why there are none to be made."""
        store = self.store(view)
        reason = refusal(self._editing, principal, view, store)
        if reason or not isinstance(store, WritableStore):
            raise Forbidden(reason)
        return store
