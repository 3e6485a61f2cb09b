"""Stores: where features come from. The protocol is ``Store``; a store accepts a View and a query, nothing else."""

from onemap.store.base import Batch, FeatureQuery, LeftOut, Modified, Position, SortKey, Store, View
from onemap.store.writing import Edit, Pruned, WritableStore, feature_state

__all__ = [
    "Batch",
    "Edit",
    "FeatureQuery",
    "LeftOut",
    "Modified",
    "Position",
    "Pruned",
    "SortKey",
    "Store",
    "View",
    "WritableStore",
    "feature_state",
]
