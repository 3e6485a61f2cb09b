-- What views are made from, by the tree of their rules. ``plain``: rows of the tables as they are, joined and chosen,
-- and no function of a user's own, which may read anything. ``tables``: those that it names, each as often as it does,
-- with their kinds. ``origins``: by column the table and column that it shows unchanged. The views of PostgreSQL itself,
-- whose numbers are below 16384, are left out.
SELECT c.oid::int8 AS oid,
       q.tree !~ ':(hasAggs|hasWindowFuncs|hasTargetSRFs|hasSubLinks|hasDistinctOn) true'
         AND q.tree ~ ':groupClause <>' AND q.tree ~ ':groupingSets <>' AND q.tree ~ ':distinctClause <>'
         AND q.tree ~ ':limitOffset <>' AND q.tree ~ ':limitCount <>' AND q.tree ~ ':setOperations <>'
         AND (SELECT count(*) FROM regexp_matches(q.tree, '\{QUERY ', 'g')) = 1 AS plain,
       EXISTS (SELECT FROM pg_depend d
               WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_proc'::regclass
                 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass
                                 AND e.objid = d.refobjid AND e.deptype = 'e')) AS functions,
       ARRAY(SELECT m[1]::int8 FROM regexp_matches(q.tree, ':rtekind 0 :relid (\d+)', 'g') m
             WHERE m[1]::oid <> c.oid) AS tables,
       ARRAY(SELECT t.relkind::text FROM regexp_matches(q.tree, ':rtekind 0 :relid (\d+)', 'g') m
             LEFT JOIN pg_class t ON t.oid = m[1]::oid WHERE m[1]::oid <> c.oid) AS kinds,
       (SELECT coalesce(jsonb_object_agg(a.attname, jsonb_build_array(m[2]::int8, o.attname)), '{}')
        FROM regexp_matches(
          q.tree, ':resno (\d+) :resname (?:\\.|[^ \\])+ :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+)', 'g') m
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = m[1]::int
        JOIN pg_attribute o ON o.attrelid = m[2]::oid AND o.attnum = m[3]::int) AS origins
FROM pg_class c
JOIN pg_rewrite r ON r.ev_class = c.oid AND r.ev_type = '1'
CROSS JOIN LATERAL (SELECT r.ev_action::text AS tree OFFSET 0) q
WHERE c.relkind = 'v' AND c.oid >= 16384 AND (c.oid = ANY (%(oids)s::oid[]) OR c.oid IN (
  SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass))
