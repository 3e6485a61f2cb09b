"""What a handler answers; ``web`` turns it into a response."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document, or the same data as a page through ``template`` when HTML was negotiated.

    ``page`` holds what only the page needs. ``media_type`` overrides that of the negotiated format. ``state``: a digest
    of the resource's state, the same in all its representations, with which its entity tags begin.
    """

    data: Any
    template: str = ""
    page: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A finished body."""

    body: bytes
    media_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Pieces(Iterator[bytes]):
    """Pieces of a body that may tell its length, in bytes: known when the first piece that is not empty was given."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    @property
    def length(self) -> int | None:
        """The bytes of all pieces, None where nobody knows."""
        return self._chunks.length if isinstance(self._chunks, Pieces) else None

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Give up what the remaining pieces would need; may take a moment."""
        if isinstance(self._chunks, Pieces | Generator):
            self._chunks.close()


@dataclass(frozen=True, slots=True)
class Stream:
    """A body made piece by piece in a worker thread.

    A failure in the middle ends as a broken transfer, never as a document that looks complete. Nothing is sent before
    the first piece that is not empty.
    """

    chunks: Iterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Reply = Document | Content | Stream
