"""Processor classes of installed packages; nothing else is imported, whatever a configuration names."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Mapping
from importlib.metadata import distribution, entry_points, packages_distributions
from pathlib import Path
from typing import Any

from onemap.errors import ConfigError, did_you_mean

GROUP = "onemap.pygeoapi_processes"
"""Entry points of this group name processor classes by the id of the process: ``id = "package.module:Class"``."""
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def named_processors(named: Mapping[str, str]) -> dict[str, Any]:
    """Return the processor classes by the id of their process; the configuration goes before the packages.

    Raises ConfigError for a path that is none, that is of no installed package, or that cannot be imported.
    """
    offered = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    if not offered and not named:
        return {}
    _check(named)
    return {identifier: _load(identifier, path) for identifier, path in {**offered, **named}.items()}


def _check(named: Mapping[str, str]) -> None:
    """Refuse whatever lies beside the data: only packages that were installed are code to run."""
    installed = packages_distributions() if named else {}
    for identifier, path in named.items():
        if not _PATH.fullmatch(path):
            raise ConfigError(f"processes.plugins.{identifier}: '{path}' is no path.", "As package.module:Class.")
        package = path.partition(":")[0].partition(".")[0]
        if not any(_holds(name, package) for name in installed.get(package, ())):
            hint = did_you_mean(package, [name for name in installed if name[:1] == package[:1]])
            raise ConfigError(f"processes.plugins.{identifier}: '{package}' is no installed package.", hint)


def _holds(name: str, package: str) -> bool:
    """Whether a package would be imported from where a distribution is installed, not from elsewhere by its name."""
    spec = importlib.util.find_spec(package)
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])] if spec else []
    home = Path(str(distribution(name).locate_file(""))).resolve()
    return bool(places) and all(Path(place).resolve().is_relative_to(home) for place in places)


def _load(identifier: str, path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        hint = "" if _there() else "Install pygeoapi with: pip install 'onemap[pygeoapi]'"
        raise ConfigError(f"The process '{identifier}' cannot be loaded: {error}.", hint) from error


def _there() -> bool:
    return importlib.util.find_spec("pygeoapi") is not None
