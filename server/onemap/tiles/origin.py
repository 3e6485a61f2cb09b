"""What tiles are made of: one collection, or all of the dataset; the texts and the address that documents give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onemap.catalog import Collection
from onemap.config import Service
from onemap.tiles.tilesets import Source


@dataclass(frozen=True, slots=True)
class Origin:
    """A collection or the dataset (``collection`` None). ``base``: the path segments of its tilesets."""

    title: str
    description: str
    keywords: tuple[str, ...]
    attribution: str
    base: tuple[str, ...]
    collection: Collection | None = None

    @property
    def whole(self) -> bool:
        """Whether this is the dataset."""
        return self.collection is None


def origin_of(collection: Collection, lang: str) -> Origin:
    """Return a collection as the origin of tiles."""
    return Origin(
        collection.title.get(lang),
        collection.description.get(lang),
        collection.keywords,
        collection.attribution,
        ("collections", collection.id, "tiles"),
        collection,
    )


def dataset(service: Service, sources: Sequence[Source], lang: str) -> Origin:
    """Return the dataset as the origin of tiles; it owes what its collections owe."""
    owed = [service.attribution, *(view.collection.attribution for view, _ in sources)]
    attribution = "; ".join(dict.fromkeys(text for text in owed if text))
    return Origin(service.title.get(lang), service.description.get(lang), (), attribution, ("tiles",))
