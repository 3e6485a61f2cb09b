"""Archives of tiles: PMTiles 3 and MBTiles 1.3, made from the engine, read by the cache, served as files."""
