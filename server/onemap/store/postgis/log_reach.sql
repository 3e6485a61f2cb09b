-- Tables whose log does not tell everything since a position: rows were removed, or logging began later.
SELECT l.table_schema, l.table_name FROM onemap.log l, onemap.pruned p
WHERE p.upto >= pg_snapshot_xmin(%(since)s::pg_snapshot)
   OR NOT pg_visible_in_snapshot(l.xid, %(since)s::pg_snapshot)
