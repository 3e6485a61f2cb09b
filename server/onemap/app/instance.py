"""An instance: settings, collections and stores, loaded from the data folders or from a single file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

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
from onemap.config import (
    GeoPackageSettings,
    PostgisSettings,
    PygeoapiSettings,
    Service,
    Settings,
    StoreSettings,
    Text,
    load_settings,
    shipped,
)
from onemap.errors import ConfigError, Unavailable, did_you_mean
from onemap.security import Gate, Policy
from onemap.store import LeftOut, Store
from onemap.store.geopackage import GeoPackageStore
from onemap.store.postgis import PostgisStore, database_name
from onemap.store.pygeoapi import PygeoapiStore
from onemap.styles import Library, load_styles

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.\-\u4e00-\u9fff]+")


@dataclass(frozen=True)
class Instance:
    """What an instance serves, and what was left out of it and why. ``root`` holds its data folders."""

    settings: Settings
    registry: Registry
    stores: Mapping[str, Store]
    left_out: tuple[LeftOut, ...] = ()
    root: Path | None = None
    styles: Library = field(default_factory=Library)

    @cached_property
    def gate(self) -> Gate:
        """The gate to the data, with the policy of the zone."""
        return Gate(self.registry, Policy(self.settings.zone, self.settings.policy), self.stores, self.settings.editing)


def load_instance(
    root: Path, zone: str | None = None, data: Path | None = None, stores: Mapping[str, StoreSettings] | None = None
) -> Instance:
    """Return the instance that ``config/`` and ``collections/`` below ``root`` describe.

    ``data``: the folder that store paths are relative to, by default ``root/data``. ``stores`` takes the place of
    stores of the configuration. A collection that cannot be published is left out with the reason, as are all of a
    database that cannot be reached; a fault in a file raises ConfigError.
    """
    settings = load_settings(root / "config", zone)
    settings = settings.model_copy(update={"stores": {**settings.stores, **(stores or {})}})
    declarations = read_declarations(root / "collections")
    sources = _open(settings, data or root / "data", declarations.values())
    codes = load_codes(shipped("codes"), root / "collections" / "codes")
    published: list[Collection] = []
    left: list[LeftOut] = []
    for path, declared in declarations.items():
        try:
            published.append(_publish(declared, sources, codes))
        except ConfigError as error:
            left.append(LeftOut(path.name, error.detail, error.hint))
    opened = {name: source.store for name, source in sources.items() if source.store is not None}
    styles = load_styles(shipped("styles"), root / "styles")
    return Instance(settings, Registry(published), opened, tuple(left), root, styles)


@dataclass(frozen=True, slots=True)
class _Source:
    """A store of the configuration with its tables, or the reason why there is none."""

    store: Store | None = None
    tables: Mapping[str, TableInfo] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    fault: str = ""


def _open(settings: Settings, folder: Path, declared: Iterable[CollectionDeclaration]) -> dict[str, _Source]:
    keys: dict[str, dict[str, str]] = {}
    for item in declared:
        if item.key:
            keys.setdefault(item.source.store, {})[item.source.table] = item.key
    return {name: _source(name, store, folder, keys.get(name, {})) for name, store in settings.stores.items()}


def _source(name: str, settings: StoreSettings, folder: Path, keys: Mapping[str, str]) -> _Source:
    if isinstance(settings, PostgisSettings):
        store: Store = PostgisStore(settings, keys, own=True)
    elif isinstance(settings, PygeoapiSettings):
        store = PygeoapiStore(settings, folder)
    elif (folder / settings.path).exists():
        store = GeoPackageStore(folder / settings.path, own=True)
    else:
        return _Source(fault=f"The file {folder / settings.path} of the store '{name}' does not exist.")
    try:
        tables, left_out = store.tables()
    except Unavailable as error:
        return _Source(store, fault=f"The store '{name}': {error.detail}")
    return _Source(store, {table.name: table for table in tables}, {left.table: left for left in left_out})


def _publish(
    declared: CollectionDeclaration, sources: Mapping[str, _Source], codes: Mapping[str, CodeList]
) -> Collection:
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


def publish(source: str) -> Instance:
    """Return an instance that publishes every feature table of a source, openly and without configuration.

    ``source``: the path of a GeoPackage, or the address of a database, postgresql://...
    """
    return publish_database(source) if is_database(source) else publish_file(Path(source))


def is_database(source: str) -> bool:
    """Whether a source is the address of a PostgreSQL database."""
    return source.startswith(("postgresql://", "postgres://"))


def publish_file(path: Path) -> Instance:
    """Return an instance that publishes every feature table of a GeoPackage."""
    return _publish_all(GeoPackageStore(path), GeoPackageSettings(path=path), path.stem)


def publish_database(dsn: str, schemas: tuple[str, ...] = ()) -> Instance:
    """Return an instance that publishes what can be published of a PostGIS database. Raises Unavailable."""
    settings = PostgisSettings(type="postgis", dsn=SecretStr(dsn), schemas=schemas)
    return _publish_all(PostgisStore(settings), settings, database_name(settings))


def _publish_all(store: Store, settings: StoreSettings, title: str) -> Instance:
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
    service = Service(title=Text(zh=title, en=title))
    return Instance(
        Settings(service=service, stores={"file": settings}),
        Registry(published),
        {"file": store},
        tuple(left),
        styles=load_styles(shipped("styles")),
    )


def collection_id(table: str) -> str:
    """Return an identifier for addresses made from a table's name."""
    return _NOT_IN_IDS.sub("_", table)[:63].lstrip(".-") or "layer"
