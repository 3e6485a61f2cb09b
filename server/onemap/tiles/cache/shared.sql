-- Tiles that the processes of one zone share. A source is a table of a store in its present generation: tiles name the
-- generation that they were made in. purge tells late comers what was purged while they made a tile.
CREATE TABLE store (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE source (
  id INTEGER PRIMARY KEY AUTOINCREMENT, store TEXT NOT NULL, name TEXT NOT NULL, srid INTEGER NOT NULL,
  UNIQUE (store, name, srid));
-- No source has the number of one in another file, to which a tile in the making may belong.
INSERT INTO sqlite_sequence VALUES ('source', abs(random() % 1000000000000));
CREATE TABLE grid (id INTEGER PRIMARY KEY, matrix_set TEXT NOT NULL, level TEXT NOT NULL, UNIQUE (matrix_set, level));
CREATE TABLE used (source INTEGER, grid INTEGER, PRIMARY KEY (source, grid)) WITHOUT ROWID;
CREATE TABLE tile (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE, sources TEXT NOT NULL, tag TEXT NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE cover (
  source INTEGER, grid INTEGER, row INTEGER, col INTEGER, tile INTEGER,
  PRIMARY KEY (source, grid, row, col, tile)) WITHOUT ROWID;
CREATE INDEX cover_tile ON cover (tile);
CREATE TRIGGER tile_gone AFTER DELETE ON tile BEGIN DELETE FROM cover WHERE tile = OLD.id; END;
CREATE TABLE purge (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER, grid INTEGER,
  row0 INTEGER, row1 INTEGER, col0 INTEGER, col1 INTEGER);
