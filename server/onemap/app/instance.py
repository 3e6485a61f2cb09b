"""An instance: settings, collections and stores, loaded from the data folders or from a single file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from onemap.catalog import (
    CodeList,
    Collection,
    CollectionDeclaration,
    Registry,
    TableInfo,
    collect,
    load_codes,
    read_declarations,
)
from onemap.catalog.declare import SourceDeclaration
from onemap.config import Service, Settings, StoreSettings, Text, load_settings, shipped
from onemap.errors import ConfigError, did_you_mean
from onemap.security import Gate, Policy
from onemap.store import LeftOut, Store
from onemap.store.geopackage import GeoPackageStore

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.\-\u4e00-\u9fff]+")


@dataclass(frozen=True)
class Instance:
    """What an instance serves, and what was left out of it and why. ``root`` holds its data folders."""

    settings: Settings
    registry: Registry
    stores: Mapping[str, Store]
    left_out: tuple[LeftOut, ...] = ()
    root: Path | None = None

    @cached_property
    def gate(self) -> Gate:
        """The gate to the data, with the policy of the zone."""
        return Gate(self.registry, Policy(self.settings.zone, self.settings.policy), self.stores)


def load_instance(root: Path, zone: str | None = None, data: Path | None = None) -> Instance:
    """Return the instance that ``config/`` and ``collections/`` below ``root`` describe.

    ``data``: the folder that store paths are relative to, by default ``root/data``. A collection that
    cannot be published is left out with the reason; a fault in a file raises ConfigError.
    """
    settings = load_settings(root / "config", zone)
    folder = data or root / "data"
    files = {name: folder / store.path for name, store in settings.stores.items()}
    stores = {name: GeoPackageStore(path, own=True) for name, path in files.items() if path.exists()}
    codes = load_codes(shipped("codes"), root / "collections" / "codes")
    tables = {name: {table.name: table for table in store.tables()[0]} for name, store in stores.items()}
    published: list[Collection] = []
    left: list[LeftOut] = []
    for path, declared in read_declarations(root / "collections").items():
        try:
            published.append(_publish(declared, tables, codes, files))
        except ConfigError as error:
            left.append(LeftOut(path.name, error.detail, error.hint))
    return Instance(settings, Registry(published), stores, tuple(left), root)


def _publish(
    declared: CollectionDeclaration,
    tables: Mapping[str, Mapping[str, TableInfo]],
    codes: Mapping[str, CodeList],
    files: Mapping[str, Path],
) -> Collection:
    source = declared.source
    if source.store not in files:
        raise ConfigError(f"There is no store '{source.store}'.", did_you_mean(source.store, files))
    if source.store not in tables:
        raise ConfigError(f"The file {files[source.store]} of the store '{source.store}' does not exist.")
    table = tables[source.store].get(source.table)
    if table is None:
        known = did_you_mean(source.table, tables[source.store])
        raise ConfigError(f"The store '{source.store}' has no feature table '{source.table}'.", known)
    return collect(declared, table, codes)


def publish_file(path: Path) -> Instance:
    """Return an instance that publishes every feature table of a GeoPackage, openly and without configuration."""
    store = GeoPackageStore(path)
    found, left = store.tables()
    codes: dict[str, CodeList] = {}
    published: list[Collection] = []
    for table in found:
        declared = CollectionDeclaration(
            id=collection_id(table.name),
            title=Text(zh=table.title, en=table.title),
            description=Text(zh=table.description, en=table.description),
            source=SourceDeclaration(store="file", table=table.name),
            level="P",
            order=len(published),
        )
        published.append(collect(declared, table, codes))
    service = Service(title=Text(zh=path.stem, en=path.stem))
    settings = Settings(service=service, stores={"file": StoreSettings(path=path)})
    return Instance(settings, Registry(published), {"file": store}, tuple(left))


def collection_id(table: str) -> str:
    """Return an identifier for addresses made from a table's name."""
    return _NOT_IN_IDS.sub("_", table)[:63].lstrip(".-") or "layer"
