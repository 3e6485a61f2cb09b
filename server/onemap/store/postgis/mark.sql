-- What differs when a table was changed, logged or not; the numbers of rows written may come some seconds late.
SELECT pg_current_snapshot()::text,
       concat_ws(':', c.oid, c.relfilenode, pg_stat_get_tuples_inserted(c.oid),
                 pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid))
FROM pg_class c WHERE c.oid = %(oid)s::oid
