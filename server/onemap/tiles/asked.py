"""What a request asks of the content of tiles: collections, filter, datetime, properties; and how OpenAPI says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from onemap.block import Call, Parameter
from onemap.block.links import Links
from onemap.block.query import SHARED, refuse_unknown, shorten
from onemap.cql import all_of
from onemap.errors import InvalidParameter, did_you_mean
from onemap.query import filters, selection
from onemap.query.parameters import DATETIME, property_parameters
from onemap.query.temporal import parse_subset, parse_time
from onemap.store import View
from onemap.tiles.layer import Layer

COLLECTIONS = Parameter(
    "collections",
    {"type": "array", "items": {"type": "string"}},
    "Only these collections, separated by commas, as layers in this order: identifiers, or addresses of collections.",
)
SUBSET = Parameter(
    "subset",
    {"type": "string"},
    'The time as a subset of the datetime axis: `datetime("2025-01-01":"2025-12-31")`, `datetime("2025-12-31")`; `*` '
    "is an open end. It means what `datetime` means.",
)
OF_COLLECTION = (DATETIME, SUBSET, *filters.PARAMETERS, selection.PROPERTIES)
_NAMES = tuple(item.name for item in OF_COLLECTION)
_RESERVED = (*_NAMES, *SHARED)
OF_DATASET = (COLLECTIONS, DATETIME, SUBSET)


def of_properties(view: View | None) -> tuple[Parameter, ...]:
    """Return the parameters of a collection's tiles that are named by its queryables."""
    return () if view is None else tuple(property_parameters(view, _RESERVED))


def of_collection(call: Call, layer: Layer, *, by_property: bool = True) -> Layer:
    """Return a layer as a request asks for it; ``by_property``: whether queryables are parameters too.

    Raises UnknownParameter, InvalidParameter and UnknownCrs.
    """
    view = layer.view
    fields = [name for name, field in filters.queryables(view).items() if field and name not in SHARED]
    refuse_unknown(call.query, [*_NAMES, *(fields if by_property else ())])
    conditions = filters.parse_conditions(call, view, _RESERVED)
    return replace(
        layer,
        names=selection.parse_selection(call, view),
        filter=all_of([conditions, parse_subset(call, view)]),
    )


def of_dataset(call: Call, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers that a request asks for, in its order. Raises UnknownParameter and InvalidParameter."""
    refuse_unknown(call.query, [item.name for item in OF_DATASET])
    chosen = _chosen(call, {layer.view.collection.id: layer for layer in layers})
    return tuple(
        replace(layer, filter=all_of([parse_time(call, layer.view), parse_subset(call, layer.view)]))
        for layer in chosen
    )


def _chosen(call: Call, layers: Mapping[str, Layer]) -> list[Layer]:
    """Return the layers that ``collections`` names (OGC API Tiles /req/collections-selection/query-collections)."""
    text = call.one("collections")
    if text is None:
        return list(layers.values())
    names = list(dict.fromkeys(_identifier(name, call.links) for name in text.split(",")))
    for name in names:
        if name not in layers:
            raise InvalidParameter(
                f"'collections' names '{shorten(name)}', which is none.", did_you_mean(name[:80], layers)
            )
    return [layers[name] for name in names]


def _identifier(text: str, links: Links) -> str:
    """Return the identifier that a text is, or that the address of a collection ends with."""
    address = text.split("?", maxsplit=1)[0].rstrip("/")
    base = links.to("collections") + "/"
    return address.removeprefix(base) if address.startswith(base) else text
