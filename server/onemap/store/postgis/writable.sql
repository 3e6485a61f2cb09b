-- What keeps a table from being changed: rights that are missing, and a log of changes that is not switched on. ``oid``:
-- what is written to; ``target``: the table that is changed thereby.
SELECT has_table_privilege(%(oid)s::oid, 'INSERT') AND has_table_privilege(%(oid)s::oid, 'UPDATE')
         AND has_table_privilege(%(oid)s::oid, 'DELETE') AS writable,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'onemap' AND c.relname = 'log') AND
       (SELECT count(*) = 2 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE t.tgrelid = %(target)s::oid AND t.tgname IN ('onemap_change', 'onemap_truncate') AND t.tgenabled = 'A'
          AND n.nspname = 'onemap' AND p.proname = 'log_change') AS logged
