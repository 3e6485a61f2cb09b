"""Stores that were away when the instance was loaded are taken up when they are back: this is what tries again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from onemap.app.sources import Opener, Source, publish_one
from onemap.catalog import CodeList, Collection, CollectionDeclaration
from onemap.errors import ConfigError, OneMapError
from onemap.security import Gate

_PAUSE_SECONDS = 5.0
_log = logging.getLogger("onemap")


@dataclass(frozen=True, slots=True)
class Missing:
    """What an instance lacks: stores that are away, and the collections declared in them by their files."""

    opener: Opener
    sources: Mapping[str, Source]
    declared: Mapping[Path, CollectionDeclaration]
    codes: Mapping[str, CodeList] = field(default_factory=dict)


class Revival:
    """Try the missing stores again and publish their collections at the gate. Other collections notice nothing."""

    def __init__(self, missing: Missing | None, gate: Gate) -> None:
        self._missing = missing
        self._gate = gate
        self._away = dict(missing.sources) if missing else {}

    @property
    def away(self) -> tuple[str, ...]:
        """The names of the stores that are still away and that collections are declared in."""
        return tuple(self._away)

    async def watch(self, pause: float = _PAUSE_SECONDS) -> None:
        """Try again every ``pause`` seconds until every store is there, whatever goes wrong meanwhile."""
        while self._away:
            await anyio.sleep(pause)
            try:
                await anyio.to_thread.run_sync(self.try_again)
            except Exception:
                _log.exception("The stores that are away cannot be tried again.")

    def try_again(self) -> None:
        """Try each missing store once; may block as long as its source takes to answer."""
        for name in self.away:
            source = self._opened(name)
            if not source.fault:
                self._take_up(name, source)

    def _opened(self, name: str) -> Source:
        assert self._missing is not None
        known = self._away[name].store
        try:
            return self._missing.opener.open(name) if known is None else self._missing.opener.read(name, known)
        except (OneMapError, OSError) as error:
            return Source(known, fault=str(error))

    def _take_up(self, name: str, source: Source) -> None:
        assert self._missing is not None
        assert source.store is not None
        published: list[Collection] = []
        for path, declared in self._missing.declared.items():
            if declared.source.store == name:
                try:
                    published.append(publish_one(declared, {name: source}, self._missing.codes))
                except ConfigError as error:
                    _log.warning("%s is left out: %s %s", path.name, error.detail, error.hint)
        self._gate.take_up(published, {name: source.store})
        del self._away[name]
        _log.warning("The store '%s' is there: %d more collections are published.", name, len(published))
