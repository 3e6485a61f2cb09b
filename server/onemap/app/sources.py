"""The stores of a configuration as they are opened, with what keeps the ones that are away from being published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onemap.catalog import CodeList, Collection, CollectionDeclaration, TableInfo, collect
from onemap.config import PostgisSettings, PygeoapiSettings, Settings, StoreSettings
from onemap.errors import ConfigError, Unavailable, did_you_mean
from onemap.geo.piecefiles import PieceFiles
from onemap.geo.pieces import PieceMemory
from onemap.store import LeftOut, Store
from onemap.store.geopackage import GeoPackageStore
from onemap.store.postgis import PostgisStore
from onemap.store.pygeoapi import PygeoapiStore

_PIECES = "pieces"


@dataclass(frozen=True, slots=True)
class Source:
    """A store of the configuration with its tables; ``fault``: why it is away, empty when it is there.

    The store is None where there is not even a file to open.
    """

    store: Store | None = None
    tables: Mapping[str, TableInfo] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Opener:
    """Open the stores of a configuration. ``folder``: what paths are relative to; ``keys``: see ``PostgisStore``.

    ``memory``: of the pieces of huge features, one for all stores.
    """

    settings: Settings
    folder: Path
    keys: Mapping[str, Mapping[str, str]]
    memory: PieceMemory

    def open(self, name: str) -> Source:
        """Return a store with its tables, or with the reason why it is away. Raises ConfigError for a faulty file."""
        settings = self.settings.stores[name]
        store = self._store(name, settings)
        if store is None:
            path = self.folder / getattr(settings, "path", "")
            return Source(fault=f"The file {path} of the store '{name}' does not exist.")
        return self.read(name, store)

    def read(self, name: str, store: Store) -> Source:
        """Return an opened store with its tables, or with the reason why it is away."""
        try:
            tables, left_out = store.tables()
        except Unavailable as error:
            return Source(store, fault=f"The store '{name}': {error.detail}")
        return Source(store, {table.name: table for table in tables}, {left.table: left for left in left_out})

    def _store(self, name: str, settings: StoreSettings) -> Store | None:
        if isinstance(settings, PostgisSettings):
            return PostgisStore(settings, self.keys.get(name, {}), own=True, memory=self.memory)
        if isinstance(settings, PygeoapiSettings):
            return PygeoapiStore(settings, self.folder)
        path = self.folder / settings.path
        return GeoPackageStore(path, own=True, memory=self.memory) if path.exists() else None


def opener(settings: Settings, folder: Path, declared: Iterable[CollectionDeclaration]) -> Opener:
    """Return what opens the stores, told of the keys that collections declare."""
    keys: dict[str, dict[str, str]] = {}
    for item in declared:
        if item.key:
            keys.setdefault(item.source.store, {})[item.source.table] = item.key
    derived = settings.packs.folder
    memory = PieceMemory(files=PieceFiles(derived / _PIECES) if derived else None)
    return Opener(settings, folder, keys, memory)


def publish_one(
    declared: CollectionDeclaration, sources: Mapping[str, Source], codes: Mapping[str, CodeList]
) -> Collection:
    """Return the collection of a declaration. Raises ConfigError with the reason why there is none."""
    name = declared.source.store
    if name not in sources:
        raise ConfigError(f"There is no store '{name}'.", did_you_mean(name, sources))
    source, wanted = sources[name], declared.source.table
    if source.fault:
        raise ConfigError(source.fault)
    table = source.tables.get(wanted)
    if table is None and wanted in source.left_out:
        left = source.left_out[wanted]
        raise ConfigError(f"The table '{wanted}' of the store '{name}' is left out: {left.reason}.", left.remedy)
    if table is None:
        known = did_you_mean(wanted, source.tables)
        raise ConfigError(f"The store '{name}' has no feature table '{wanted}'.", known)
    return collect(declared, table, codes)
