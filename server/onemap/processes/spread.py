"""Work on a layer that falls into parts: done here one after the other, or beside each other by other processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from onemap.processes.layers import Layer

_TRIES = 3


class Spread(Protocol):
    """Does work on the parts of a layer and returns what comes of each, in their order.

    ``work`` is a function of a module, or a ``partial`` of one; it, the parts and the results can be pickled. What it
    returns depends on the layer's data and the part alone. Raises what the work raises.
    """

    def __call__[P, R](self, work: Callable[[Layer, P], R], layer: Layer, parts: Sequence[P]) -> list[R]: ...


def here[P, R](work: Callable[[Layer, P], R], layer: Layer, parts: Sequence[P]) -> list[R]:
    """Do the work in this process, part by part."""
    return [work(layer, part) for part in parts]


def in_one_state[P, R](work: Callable[[Layer, P], R], layer: Layer, parts: Sequence[P], whole: P) -> list[R]:
    """Do work on the parts of a layer, all of them in one version of its data; ``whole`` is what they are parts of.

    Where the data change meanwhile it is done again, at last on the whole, as what is small enough to be one part.
    """
    if len(parts) == 1:
        return [work(layer, parts[0])]
    for _ in range(_TRIES):
        version = layer.store.version(layer.collection)
        found = layer.spread(work, layer, parts)
        if layer.store.version(layer.collection) == version:
            return found
    return [work(layer, whole)]
