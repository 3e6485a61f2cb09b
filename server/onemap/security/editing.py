"""Who may change features: default deny; it takes the declaration, the zone's settings and the store to allow it."""

from __future__ import annotations

from onemap.block import Principal
from onemap.config import EditingSettings
from onemap.errors import Unavailable
from onemap.store import Store, View, WritableStore


def refusal(settings: EditingSettings, principal: Principal, view: View, store: Store) -> str:
    """Return why a principal may not change the features of a view, an empty text when it may.

    Until there are identities, the settings allow nobody or everybody.
    """
    _ = principal
    collection = view.collection
    if not collection.editable:
        return f"The collection '{collection.id}' is read-only: it is not declared editable."
    if settings.allow == "none":
        return "Nobody may change features in this zone."
    if not isinstance(store, WritableStore):
        return f"The collection '{collection.id}' is read-only: its store cannot be written to."
    try:
        reason = store.read_only(collection.table)
    except Unavailable:
        reason = "its source is away at the moment"
    return f"The collection '{collection.id}' is read-only: {reason}." if reason else ""
