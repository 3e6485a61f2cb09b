-- Where the log stands: the database, the snapshot of this transaction, which tables are logged, and from where.
-- In recovery the list of open transactions is not told: then all from the oldest one on may be open.
SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
                 (SELECT timeline_id FROM pg_control_checkpoint()),
                 (SELECT oid FROM pg_database WHERE datname = current_database())) AS identity,
       CASE WHEN pg_is_in_recovery()
            THEN concat_ws(':', pg_snapshot_xmin(s), pg_snapshot_xmin(s), '') ELSE s::text END AS snapshot,
       (SELECT count(*)::int FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'onemap' AND c.relname IN ('change', 'log', 'pruned')
          AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS tables,
       ARRAY(SELECT t.tgrelid::int8 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
             JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE t.tgname IN ('onemap_change', 'onemap_truncate') AND t.tgenabled = 'A'
               AND n.nspname = 'onemap' AND p.proname = 'log_change'
             GROUP BY t.tgrelid HAVING count(*) = 2) AS logged
FROM pg_current_snapshot() s
