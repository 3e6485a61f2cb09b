-- The readable columns of tables; a domain counts as the type below it. ``rank``: how good a key the column makes
-- (1: primary key, 2: unique and never null, 3: unique in a materialised view, which cannot say "not null").
SELECT a.attrelid::int8 AS oid, a.attname::text AS name, b.typname::text AS type, b.typcategory::text AS category,
       b.typtype::text AS typtype, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS typmod,
       coalesce(col_description(a.attrelid, a.attnum), '') AS comment,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS required,
       a.attgenerated <> '' OR a.attidentity = 'a'
         OR (c.relkind = 'v' AND pg_relation_is_updatable(c.oid, false) & 28 = 28
             AND NOT pg_column_is_updatable(c.oid, a.attnum, false)) AS made,
       (SELECT min(CASE WHEN i.indisprimary THEN 1 WHEN a.attnotnull THEN 2 WHEN c.relkind = 'm' THEN 3 END)
        FROM pg_index i
        WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
          AND i.indkey[0] = a.attnum AND i.indpred IS NULL) AS rank
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = ANY (%(oids)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum
