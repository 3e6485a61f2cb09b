"""What a plug-in of another server publishes: one view of one collection, by the policy of a zone."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

from onemap.app import Instance, collection_id, load_instance, publish
from onemap.catalog import Collection
from onemap.config import EditingSettings, PolicySettings
from onemap.config.models import Level, Zone
from onemap.errors import ConfigError, did_you_mean
from onemap.security import Policy, identify
from onemap.store import Store, View


@dataclass(frozen=True, slots=True)
class Source:
    """Where the features are and who may see them.

    ``data``: the folder of an instance (``config/``, ``collections/``), a GeoPackage, or postgresql://... ; ``name``:
    a collection id in an instance, else a table. ``zone``: of this server; in an instance, by default as it says.
    ``level``: classification of a table, which nothing else states. ``folder``: of an instance's files, by default
    ``data`` below it. ``temporal``, ``key``: temporal field and field with the ids of a table.
    """

    data: str
    name: str
    zone: str | None = None
    level: str | None = None
    folder: str | None = None
    temporal: str | None = None
    key: str | None = None

    def open(self) -> tuple[Store, View]:
        """Return the store and what may be seen of the collection. Raises ConfigError, Unavailable.

        A collection that the zone may not see, or a table whose level is not stated, is refused.
        """
        configured = Path(self.data).is_dir()
        collection, store, policy = self._of_instance() if configured else self._of_table()
        view = policy.view(identify(), collection)
        if view is None:
            raise ConfigError(f"'{self.name}' is of level {collection.level}, which this zone may not see.")
        return store, view

    def editing(self) -> EditingSettings:
        """Return what the instance says of changing features; a bare table is not changed."""
        configured = Path(self.data).is_dir()
        return _instance(self.data, self.zone, self.folder).settings.editing if configured else EditingSettings()

    def _of_instance(self) -> tuple[Collection, Store, Policy]:
        instance = _instance(self.data, self.zone, self.folder)
        collection = instance.registry.get(self.name)
        if collection is None:
            _instance.cache_clear()  # perhaps its database was away: look again next time
            raise ConfigError(f"{self.data} has no collection '{self.name}'.", _why(instance, self.name))
        return collection, instance.stores[collection.store], Policy(instance.settings.zone, instance.settings.policy)

    def _of_table(self) -> tuple[Collection, Store, Policy]:
        zone = _one_of("zone", self.zone or "internet", get_args(Zone))
        if self.level is None:
            raise ConfigError(f"The level of the table '{self.name}' is not stated.", "Set options.level, as P.")
        level = cast(Level, _one_of("level", self.level, get_args(Level)))
        instance = _published(self.data)
        found = next((item for item in instance.registry if item.table.name == self.name), None)
        if found is None:
            known = [item.table.name for item in instance.registry]
            raise ConfigError(f"There is no feature table '{self.name}'.", did_you_mean(self.name, known))
        collection = replace(found, level=level, fields=tuple(replace(field, level=level) for field in found.fields))
        if self.temporal is not None:
            collection = replace(collection, temporal=(_field(collection, self.temporal),))
        if self.key is not None and self.key != collection.table.primary_key:
            collection = replace(collection, key=_field(collection, self.key))
        return collection, instance.stores[found.store], Policy(cast(Zone, zone), PolicySettings())


def source_of(definition: Mapping[str, Any]) -> Source:
    """Return the source that a provider definition of pygeoapi describes. Raises ConfigError."""
    options = dict(definition.get("options") or {})
    if unknown := options.keys() - {"zone", "level", "folder"}:
        name = min(unknown)
        raise ConfigError(f"There is no option '{name}'.", did_you_mean(name, ["zone", "level", "folder"]))
    name = definition.get("collection") or definition.get("table")
    if not name:
        raise ConfigError("The provider has neither 'collection' nor 'table'.")
    temporal, key = definition.get("time_field"), definition.get("id_field")
    return Source(str(definition["data"]), str(name), temporal=temporal, key=key, **options)


# pygeoapi makes a provider for each request; stores and what they remember outlive it.
@functools.lru_cache(maxsize=32)
def _instance(root: str, zone: str | None, folder: str | None) -> Instance:
    return load_instance(Path(root), zone, Path(folder) if folder else None)


@functools.lru_cache(maxsize=32)
def _published(data: str) -> Instance:
    return publish(data)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ConfigError(f"options.{option} is '{value}'.", did_you_mean(value, known))
    return value


def _field(collection: Collection, name: str) -> str:
    known = [field.name for field in collection.fields]
    if name not in known:
        raise ConfigError(f"The table '{collection.table.name}' has no field '{name}'.", did_you_mean(name, known))
    return name


def _why(instance: Instance, name: str) -> str:
    """Return why a collection is not there, where that is known, or what it might have been called."""
    left = next((item for item in instance.left_out if item.table == f"{name}.yml"), None)
    return left.reason if left else did_you_mean(collection_id(name), [item.id for item in instance.registry])
