"""The processes of an instance, immutable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onemap.block.query import shorten
from onemap.errors import ConfigError, NoSuchProcess, did_you_mean
from onemap.processes.model import Process


class Processes:
    """Processes by id, in the order of their registration. ``register`` returns a new registry."""

    def __init__(self, processes: Iterable[type[Process]] = ()) -> None:
        items = list(processes)
        self._by_id = {item.id: item for item in items}
        if len(self._by_id) != len(items):
            raise ConfigError("Two processes have the same id.")

    def register(self, process: type[Process]) -> Processes:
        """Return a registry with one more process. Raises ConfigError when the id is taken."""
        return Processes([*self, process])

    def get(self, identifier: str) -> type[Process]:
        """Return a process by id. Raises NoSuchProcess (Processes /req/core/process-exception-no-such-process)."""
        if identifier not in self._by_id:
            raise NoSuchProcess(f"There is no process '{shorten(identifier)}'.", did_you_mean(identifier, self._by_id))
        return self._by_id[identifier]

    def titles(self, lang: str) -> dict[str, str]:
        """Return the titles of the processes in a language, by id."""
        return {process.id: process.title.get(lang) for process in self}

    def __iter__(self) -> Iterator[type[Process]]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
