-- A line that differs when anything in the database was changed: counted rows, and files made anew (TRUNCATE, REFRESH).
SELECT concat_ws(':', pg_postmaster_start_time(), count(*),
                 sum(pg_stat_get_tuples_inserted(c.oid)), sum(pg_stat_get_tuples_updated(c.oid)),
                 sum(pg_stat_get_tuples_deleted(c.oid)), sum(hashint8extended(c.oid::int8, c.relfilenode::int8)))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
  AND left(n.nspname, 3) <> 'pg_' AND n.nspname NOT IN ('information_schema', 'onemap')
