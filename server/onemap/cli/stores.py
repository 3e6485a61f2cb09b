"""Stores named on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from onemap.app import is_database
from onemap.config import GeoPackageSettings, PostgisSettings, StoreSettings
from onemap.errors import ConfigError


def named_stores(given: Iterable[str]) -> dict[str, StoreSettings]:
    """Return the settings of stores written as NAME=postgresql://... or NAME=FILE. Raises ConfigError."""
    stores: dict[str, StoreSettings] = {}
    for text in given:
        name, sign, source = text.partition("=")
        if not (name and sign and source):
            raise ConfigError("--store is not understood.", "Write --store NAME=postgresql://... or NAME=FILE.")
        stores[name] = settings_of(source) if is_database(source) else GeoPackageSettings(path=Path(source))
    return stores


def settings_of(dsn: str) -> PostgisSettings:
    """Return the settings of a database with this connection string."""
    return PostgisSettings(type="postgis", dsn=SecretStr(dsn))
