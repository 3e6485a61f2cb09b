"""Any feature provider of pygeoapi as a store. pygeoapi is imported when such a store is opened, not before."""

from onemap.store.pygeoapi.store import PygeoapiStore

__all__ = ["PygeoapiStore"]
