-- Tables of generalised features, one for a layer and a grid of whole numbers: ``g<id>`` with the shapes in units of the
-- grid (y downwards) and the attributes of the largest part, ``g<id>_members`` with what merged features are made of.
-- ``since``: the snapshot before the features were read; ``mark``: what tells whether a table without a log changed.
CREATE SCHEMA IF NOT EXISTS onemap_tiles;
CREATE TABLE IF NOT EXISTS onemap_tiles.generalised (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_schema text NOT NULL,
  table_name text NOT NULL,
  srid int NOT NULL,
  origin_x float8 NOT NULL,
  origin_y float8 NOT NULL,
  unit float8 NOT NULL,
  features bigint NOT NULL,
  columns text[] NOT NULL,
  position text NOT NULL,
  since pg_snapshot NOT NULL,
  mark text NOT NULL,
  made timestamptz NOT NULL DEFAULT clock_timestamp(),
  note jsonb NOT NULL,
  UNIQUE (table_schema, table_name, srid, origin_x, origin_y, unit)
);
