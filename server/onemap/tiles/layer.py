"""A layer of a tile: what is drawn of one collection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from pygeofilter import ast

from onemap.catalog import Field
from onemap.cql import write_text
from onemap.store import FeatureQuery, Store, View
from onemap.store.tiling import Frame, GeneralisedTable


class Ready(Protocol):
    """Features prepared for tiles."""

    @property
    def stamp(self) -> str:
        """What differs between preparations of different content."""
        ...

    def tile(self, view: View, tile: Frame, query: FeatureQuery) -> bytes | None:
        """Return a tile with one layer, empty when nothing is there; None when the store is to make it. Blocks."""
        ...

    def tables(self) -> tuple[GeneralisedTable, ...]:
        """Return what is generalised, and for which grids; nothing when the store is to make all tiles. Blocks."""
        ...


@dataclass(frozen=True)
class Layer:
    """One collection as a principal sees it, and what a request asks of it.

    ``names``: the visible columns that are written, None for all. ``filter``: checked and placed (``onemap.cql``).
    ``pack``: what tiles are made from where it can, before the store is asked.
    """

    view: View
    store: Store
    names: tuple[str, ...] | None = None
    filter: ast.Node | None = None
    pack: Ready | None = None

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """The columns that are written."""
        return self.view.only(self.names)

    @cached_property
    def digest(self) -> str:
        """A short digest that differs between layers of different content; part of every cache key."""
        if self.names is None and self.filter is None and self.pack is None:
            return self.view.digest
        filter_ = None if self.filter is None else write_text(self.filter)
        text = repr((self.view.digest, [field.name for field in self.columns], filter_, self.pack and self.pack.stamp))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
