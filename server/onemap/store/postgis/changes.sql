-- The log of changes: a row for each feature inserted, updated or deleted, and one for each TRUNCATE, written in the
-- transaction of the change by whatever program makes it. ``xid`` says with which snapshots the change is seen; ``seq``
-- ascends in the order of the changes, which is not that of the commits. Boxes are x, y of the storage CRS. Changes of
-- partitions are those of their partitioned table.
CREATE SCHEMA IF NOT EXISTS onemap;
CREATE TABLE IF NOT EXISTS onemap.change (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  table_schema text NOT NULL,
  table_name text NOT NULL,
  key text,
  operation text NOT NULL CHECK (operation IN ('insert', 'update', 'delete', 'truncate')),
  old_minx float8, old_miny float8, old_maxx float8, old_maxy float8,
  new_minx float8, new_miny float8, new_maxx float8, new_maxy float8,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The tables whose changes are logged, and the time and transaction from when on the log of each is complete: a reader
-- who has seen less cannot rely on it.
CREATE TABLE IF NOT EXISTS onemap.log (
  table_schema text NOT NULL,
  table_name text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (table_schema, table_name)
);
-- The readers of the log: what each has read is what its snapshot sees; ``keep``: within what time it comes back.
CREATE TABLE IF NOT EXISTS onemap.reader (
  name text PRIMARY KEY,
  snapshot pg_snapshot NOT NULL,
  keep interval NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS change_key ON onemap.change (table_schema, table_name, key, seq);
CREATE INDEX IF NOT EXISTS change_xid ON onemap.change (xid);
CREATE INDEX IF NOT EXISTS change_table ON onemap.change (table_schema, table_name, seq);
CREATE INDEX IF NOT EXISTS change_since ON onemap.change (table_schema, table_name, xid);
-- Up to which transaction rows were removed from the log, by whatever program: a reader who has seen less has lost some.
CREATE TABLE IF NOT EXISTS onemap.pruned (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  upto xid8 NOT NULL DEFAULT '0'
);
INSERT INTO onemap.pruned DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION onemap.note_pruned() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $note$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    UPDATE onemap.pruned SET upto = pg_snapshot_xmax(pg_current_snapshot());
  ELSE
    UPDATE onemap.pruned SET upto = greatest(upto, (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1));
  END IF;
  RETURN NULL;
END
$note$;
CREATE OR REPLACE TRIGGER onemap_pruned AFTER DELETE ON onemap.change REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION onemap.note_pruned();
CREATE OR REPLACE TRIGGER onemap_emptied AFTER TRUNCATE ON onemap.change
  FOR EACH STATEMENT EXECUTE FUNCTION onemap.note_pruned();
CREATE OR REPLACE FUNCTION onemap.log_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $log$
DECLARE
  picked text := format(
    'SELECT ($1).%1$I::text, ARRAY[ST_XMin(($1).%2$I), ST_YMin(($1).%2$I), ST_XMax(($1).%2$I), ST_YMax(($1).%2$I)]',
    TG_ARGV[0], TG_ARGV[1]);
  old_key text;
  new_key text;
  o float8[];
  n float8[];
  in_schema text := TG_TABLE_SCHEMA;
  in_table text := TG_TABLE_NAME;
  root regclass := pg_partition_root(TG_RELID);
BEGIN
  IF root <> TG_RELID THEN
    SELECT s.nspname, c.relname INTO in_schema, in_table
    FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = root;
  END IF;
  IF TG_OP IN ('UPDATE', 'DELETE') THEN
    EXECUTE picked INTO old_key, o USING OLD;
  END IF;
  IF TG_OP IN ('UPDATE', 'INSERT') THEN
    EXECUTE picked INTO new_key, n USING NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND old_key IS DISTINCT FROM new_key THEN
    INSERT INTO onemap.change (table_schema, table_name, key, operation, old_minx, old_miny, old_maxx, old_maxy)
    VALUES (in_schema, in_table, old_key, 'delete', o[1], o[2], o[3], o[4]);
  END IF;
  INSERT INTO onemap.change (table_schema, table_name, key, operation, old_minx, old_miny, old_maxx, old_maxy,
                             new_minx, new_miny, new_maxx, new_maxy)
  VALUES (in_schema, in_table, coalesce(new_key, old_key), lower(TG_OP), o[1], o[2], o[3], o[4],
          n[1], n[2], n[3], n[4]);
  -- Wakes those who wait for changes; one message for a transaction, however many rows it has.
  PERFORM pg_notify('onemap_change', '');
  RETURN NULL;
END
$log$;
