"""The styles that are served: read anew when a file of theirs changes, the last good ones while a file is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import anyio
import anyio.to_thread

from onemap.block import Metric
from onemap.catalog import Collection
from onemap.errors import ConfigError
from onemap.styles.declare import Pattern
from onemap.styles.library import Library, load_styles, style_files
from onemap.styles.portrayal import undrawn
from onemap.styles.sprite import RATIOS, Sheet, pattern_name, sheet

_PAUSE_SECONDS = 0.5
_log = logging.getLogger("onemap.styles")
Stamps = Mapping[Path, tuple[int, int, int]]


@dataclass(frozen=True)
class Shown:
    """A library and what is drawn from it."""

    library: Library
    legends: dict[tuple[str, ...], bytes] = field(default_factory=dict)

    @cached_property
    def patterns(self) -> Mapping[str, Pattern]:
        """The patterns of all styles by their names."""
        return {pattern_name(item): item for item in self.library.patterns()}

    @cached_property
    def sheets(self) -> Mapping[str, Sheet]:
        """The sheets of sprites by their names."""
        patterns = tuple(self.patterns.values())
        return {f"onemap{'' if ratio == 1 else f'@{ratio}x'}": sheet(patterns, ratio) for ratio in RATIOS}


class Shelf:
    """The styles of a server. ``collections`` are those that styles may draw, for notes about what they cannot."""

    def __init__(self, library: Library, collections: Callable[[], Iterable[Collection]]) -> None:
        self.shown = Shown(library)
        self.fault = ""
        self._collections = collections
        self._stamps = _stamps(library.folders)

    async def watch(self, pause: float = _PAUSE_SECONDS) -> None:
        """Look at the files every ``pause`` seconds for as long as the server runs."""
        while self.shown.library.folders:
            await anyio.sleep(pause)
            await anyio.to_thread.run_sync(self.look)

    def look(self) -> None:
        """Read the styles anew if a file has changed, come or gone since the last look. Blocks."""
        folders = self.shown.library.folders
        stamps = _stamps(folders)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self.shown = Shown(load_styles(*folders))
        except (ConfigError, OSError) as error:
            self.fault = f"{error.detail} {error.hint}".strip() if isinstance(error, ConfigError) else str(error)
            _log.warning("The styles stay as they were: %s", self.fault)
            return
        self.fault = ""
        _log.warning("The styles are read anew: %s.", ", ".join(self.shown.library.declared))
        self._note()

    def metrics(self) -> list[Metric]:
        """Return whether the files are those that are served."""
        text = "1 while a style file is wrong and the styles before its last change are served."
        return [Metric("onemap_styles_stale", text, int(bool(self.fault)), "gauge", common=True)]

    def _note(self) -> None:
        for collection in self._collections():
            for name, style in self.shown.library.declared.items():
                for fault in undrawn(style.layers, collection):
                    _log.warning("styles/%s/style.yml: %s: %s.", name, collection.id, fault)


def _stamps(folders: Iterable[Path]) -> Stamps:
    """Return what differs when a file was written, replaced, added or removed."""
    found: dict[Path, tuple[int, int, int]] = {}
    for path in style_files(*folders).values():
        try:
            state = path.stat()
        except OSError:
            continue
        found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found
