"""A layer of a tile: what is drawn of one collection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from pygeofilter import ast

from onemap.catalog import Field
from onemap.cql import write_text
from onemap.store import Store, View


@dataclass(frozen=True)
class Layer:
    """One collection as a principal sees it, and what a request asks of it.

    ``names``: the visible columns that are written, None for all. ``filter``: checked and placed (``onemap.cql``).
    """

    view: View
    store: Store
    names: tuple[str, ...] | None = None
    filter: ast.Node | None = None

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """The columns that are written."""
        return self.view.only(self.names)

    @cached_property
    def digest(self) -> str:
        """A short digest that differs between layers of different content; part of every cache key."""
        if self.names is None and self.filter is None:
            return self.view.digest
        filter_ = None if self.filter is None else write_text(self.filter)
        text = repr((self.view.digest, [field.name for field in self.columns], filter_))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
