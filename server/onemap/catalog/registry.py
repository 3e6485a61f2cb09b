"""The registry: all collections of an instance, immutable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from onemap.catalog.model import Collection
from onemap.errors import ConfigError


class Registry:
    """Collections by id, in the order of their declaration. ``register`` returns a new registry."""

    def __init__(self, collections: Iterable[Collection] = ()) -> None:
        items = sorted(collections, key=lambda item: item.order)
        self._by_id: Mapping[str, Collection] = {item.id: item for item in items}
        if len(self._by_id) != len(items):
            ids = [item.id for item in items]
            twice = next(name for name in ids if ids.count(name) > 1)
            raise ConfigError(f"Two collections have the id '{twice}'.")

    def register(self, collection: Collection) -> Registry:
        """Return a registry with one more collection. Raises ConfigError when the id is taken."""
        return Registry([*self, collection])

    def get(self, identifier: str) -> Collection | None:
        """Return a collection by id, or None."""
        return self._by_id.get(identifier)

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
