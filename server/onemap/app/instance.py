"""An instance: settings, collections and stores, loaded from the data folders or from a single file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from onemap.app.revival import Missing
from onemap.app.sources import Source, opener, publish_one
from onemap.catalog import (
    CodeList,
    Collection,
    CollectionDeclaration,
    Registry,
    collect,
    load_codes,
    read_declarations,
)
from onemap.catalog.declare import SourceDeclaration
from onemap.config import (
    GeoPackageSettings,
    PostgisSettings,
    Service,
    Settings,
    StoreSettings,
    Text,
    load_settings,
    shipped,
)
from onemap.errors import ConfigError
from onemap.processes.catalogues import load_rules
from onemap.processes.rulebook import RuleLibrary
from onemap.security import Gate, Policy
from onemap.store import LeftOut, Store
from onemap.store.geopackage import GeoPackageStore
from onemap.store.postgis import PostgisStore, database_name
from onemap.styles import Library, load_styles, undrawn

_JOBS = Path("jobs")
_EVIDENCE = Path("evidence")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.\-\u4e00-\u9fff]+")


@dataclass(frozen=True)
class Instance:
    """What an instance serves, and what was left out of it and why. ``root`` holds its data folders.

    ``missing``: stores that were away and their collections, which a running server takes up later.
    """

    settings: Settings
    registry: Registry
    stores: Mapping[str, Store]
    left_out: tuple[LeftOut, ...] = ()
    root: Path | None = None
    missing: Missing | None = None
    styles: Library = field(default_factory=Library)
    rules: RuleLibrary = field(default_factory=RuleLibrary)

    @cached_property
    def gate(self) -> Gate:
        """The gate to the data, with the policy of the zone."""
        return Gate(self.registry, Policy(self.settings.zone, self.settings.policy), self.stores, self.settings.editing)


def load_instance(
    root: Path, zone: str | None = None, data: Path | None = None, stores: Mapping[str, StoreSettings] | None = None
) -> Instance:
    """Return the instance that ``config/``, ``collections/``, ``styles/`` and ``processes/`` below ``root`` describe.

    ``data``: the folder that store paths are relative to, by default ``root/data``. ``stores`` takes the place of
    stores of the configuration. A collection that cannot be published is left out with the reason, as are all of a
    store that is away (``missing``); a fault in a file raises ConfigError.
    """
    settings = load_settings(root / "config", zone)
    packs = settings.packs.model_copy(update={"folder": (data or root / "data") / (settings.packs.folder or "derived")})
    settings = settings.model_copy(update={"stores": {**settings.stores, **(stores or {})}, "packs": packs})
    settings = jobs_in(cached_in(settings, data or root / "data"), data or root / "data", _JOBS)
    settings = evidence_in(settings, data or root / "data")
    declarations = read_declarations(root / "collections")
    opening = opener(settings, data or root / "data", declarations.values())
    sources = {name: opening.open(name) for name in settings.stores}
    codes = load_codes(shipped("codes"), root / "collections" / "codes")
    published: list[Collection] = []
    left: list[LeftOut] = []
    for path, declared in declarations.items():
        try:
            published.append(publish_one(declared, sources, codes))
        except ConfigError as error:
            left.append(LeftOut(path.name, error.detail, error.hint))
    opened = {name: source.store for name, source in sources.items() if source.store is not None}
    wanted = {path: item for path, item in declarations.items() if _away(item, sources)}
    away = {item.source.store: sources[item.source.store] for item in wanted.values()}
    missing = Missing(opening, away, wanted, codes) if away else None
    styles = load_styles(shipped("styles"), root / "styles")
    left += _style_notes(styles, published)
    rules = load_rules(shipped("processes"), root / "processes")
    return Instance(settings, Registry(published), opened, tuple(left), root, missing, styles, rules)


def cached_in(settings: Settings, data: Path, default: Path | None = None) -> Settings:
    """Return settings that name the folder of kept tiles below the data folder, ``default`` where they name none."""
    folder = settings.tiles.folder or default
    if folder is None:
        return settings
    return settings.model_copy(update={"tiles": settings.tiles.model_copy(update={"folder": data / folder})})


def jobs_in(settings: Settings, data: Path, default: Path | None = None) -> Settings:
    """Return settings that name the folder of jobs below the data folder, ``default`` where they name none."""
    folder = settings.jobs.folder or default
    if folder is None:
        return settings
    return settings.model_copy(update={"jobs": settings.jobs.model_copy(update={"folder": data / folder})})


def evidence_in(settings: Settings, data: Path) -> Settings:
    """Return settings that name the folder of evidence below the data folder."""
    folder = data / (settings.evidence.folder or _EVIDENCE)
    return settings.model_copy(update={"evidence": settings.evidence.model_copy(update={"folder": folder})})


def _style_notes(styles: Library, published: Iterable[Collection]) -> list[LeftOut]:
    """Return what of the styles cannot be drawn, as notes: the collections are published all the same."""
    return [
        LeftOut(f"styles/{name}/style.yml", f"{collection.id}: {fault}.", published=True)
        for name, style in styles.declared.items()
        for collection in published
        for fault in undrawn(style.layers, collection)
    ]


def _away(declared: CollectionDeclaration, sources: Mapping[str, Source]) -> bool:
    source = sources.get(declared.source.store)
    return source is not None and source.fault != ""


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
