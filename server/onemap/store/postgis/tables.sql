-- Every table, view, materialised view, partitioned and foreign table with a geometry or geography column.
SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       a.attname::text AS geometry_column, t.typname::text AS geometry_class,
       postgis_typmod_type(a.atttypmod) AS geometry_type,
       postgis_typmod_srid(a.atttypmod) AS srid,
       CASE WHEN a.atttypmod > 0 THEN postgis_typmod_dims(a.atttypmod) ELSE 0 END AS dims,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable,
       c.relkind IN ('v', 'f') OR EXISTS (
         SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
         WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND m.amname IN ('gist', 'spgist', 'brin')
           AND i.indisvalid AND i.indpred IS NULL) AS indexed
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid AND t.typname IN ('geometry', 'geography')
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND left(n.nspname, 3) <> 'pg_' AND n.nspname NOT IN ('information_schema', 'topology', 'tiger', 'onemap', 'onemap_tiles')
  AND (cardinality(%(schemas)s::text[]) = 0 OR n.nspname = ANY (%(schemas)s::text[]))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname, a.attnum
