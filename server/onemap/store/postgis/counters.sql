-- For each table: a number that differs when rows were written (it may come late) or its file was made anew.
SELECT c.oid::int8,
       hashtextextended(concat_ws(':', c.relfilenode, pg_stat_get_tuples_inserted(c.oid),
                                  pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid)),
                        extract(epoch FROM pg_postmaster_start_time())::int8)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
  AND left(n.nspname, 3) <> 'pg_' AND n.nspname NOT IN ('information_schema', 'onemap')
ORDER BY c.oid
