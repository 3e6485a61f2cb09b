-- What keeps a table from being changed: rights that are missing, and a log of changes that is not switched on.
SELECT has_table_privilege(%(oid)s::oid, 'INSERT') AND has_table_privilege(%(oid)s::oid, 'UPDATE')
         AND has_table_privilege(%(oid)s::oid, 'DELETE') AS writable,
       to_regclass('onemap.log') IS NOT NULL AND (SELECT count(*) = 2 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE t.tgrelid = %(oid)s::oid AND t.tgname IN ('onemap_change', 'onemap_truncate') AND t.tgenabled = 'A'
          AND n.nspname = 'onemap' AND p.proname = 'log_change') AS logged
