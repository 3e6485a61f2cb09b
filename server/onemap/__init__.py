"""OneMap: OGC API server for a province's natural-resource One Map."""

__version__ = "0.1.0"
