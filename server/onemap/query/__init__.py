"""What requests for features and for tiles of features have in common: filter, datetime, properties, and their CRS."""
