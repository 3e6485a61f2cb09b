"""Geometry: coordinate reference systems, axis order, boxes, ellipsoidal area, GeoJSON, the overlay kernel."""
