"""Stores: where features come from. The protocol is ``Store``; a store accepts a View and a query, nothing else."""

from onemap.store.base import Batch, FeatureQuery, LeftOut, Position, SortKey, Store, View

__all__ = ["Batch", "FeatureQuery", "LeftOut", "Position", "SortKey", "Store", "View"]
