"""Provider classes: pygeoapi's own and those of installed packages; a configuration cannot name any other code."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from onemap.errors import ConfigError, did_you_mean

GROUP = "onemap.pygeoapi"
"""Entry points of this group name provider classes: ``Name = "package.module:Class"``."""


def find_provider(name: str) -> Any:
    """Return the provider class of this name or dotted path.

    Raises ConfigError when pygeoapi is not there, the name is none that is allowed, or the class cannot be imported.
    """
    allowed = {**_own(), **_installed()}
    by_path = {path: path for path in allowed.values()}
    path = allowed.get(name) or by_path.get(name)
    if path is None:
        raise ConfigError(
            f"'{name}' is no provider of pygeoapi, nor one that an installed package offers as '{GROUP}'.",
            did_you_mean(name, allowed),
        )
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"The provider '{name}' cannot be loaded: {error}.") from error


def _own() -> Mapping[str, str]:
    try:
        from pygeoapi.plugin import PLUGINS
    except ImportError:
        raise ConfigError("pygeoapi is not installed.", "Install it with: pip install 'onemap[pygeoapi]'") from None
    found: Mapping[str, str] = PLUGINS["provider"]
    return found


def _installed() -> Mapping[str, str]:
    return {entry.name: entry.value.replace(":", ".") for entry in entry_points(group=GROUP)}
