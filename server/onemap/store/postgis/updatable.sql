-- Whether PostgreSQL passes inserts, updates and deletes of a view on to one table, and its key and geometry with them.
SELECT pg_relation_is_updatable(%(oid)s::oid::regclass, false) & 28 = 28 AS whole,
       (SELECT bool_and(pg_column_is_updatable(a.attrelid, a.attnum, false)) FROM pg_attribute a
        WHERE a.attrelid = %(oid)s::oid AND a.attname = ANY (%(names)s::text[])) AS columns
