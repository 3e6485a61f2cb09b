-- Rows that were not visible in a snapshot and are now; a transaction that was open then is among them when it is done.
SELECT t.place, c.operation, c.key, hashtextextended(c.key, 0),
       c.old_minx, c.old_miny, c.old_maxx, c.old_maxy, c.new_minx, c.new_miny, c.new_maxx, c.new_maxy
FROM unnest(%(schemas)s::text[], %(names)s::text[]) WITH ORDINALITY AS t(table_schema, table_name, place)
CROSS JOIN LATERAL (
  SELECT * FROM onemap.change c
  WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name
    AND c.xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)
    AND NOT pg_visible_in_snapshot(c.xid, %(since)s::pg_snapshot)
  LIMIT %(most)s) c
