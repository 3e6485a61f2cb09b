"""Processes written for pygeoapi, run as our own: the same inputs, jobs, policy and limits.

pygeoapi is imported when such a process is configured or offered by an installed package, not before.
"""

from __future__ import annotations

from collections.abc import Mapping

from onemap.processes.pygeoapi.find import named_processors
from onemap.processes.registry import Processes

__all__ = ["with_plugins"]


def with_plugins(processes: Processes, named: Mapping[str, str]) -> Processes:
    """Return the processes with the plug-ins: those of the configuration, and those that packages offer.

    Raises ConfigError for one that cannot be loaded or described, or whose id is taken.
    """
    for identifier, processor in named_processors(named).items():
        from onemap.processes.pygeoapi.adapt import adapted

        processes = processes.register(adapted(identifier, processor))
    return processes
