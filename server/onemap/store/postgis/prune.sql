-- Drop changes that are older than ``keep`` and that every reader has read who came back within its own time; the last
-- thousand stay: servers notice by them that something was changed (log.sql). What was dropped moves the beginning of
-- the log of its table. Gives how many were dropped, and by which readers how many older ones are held.
WITH live AS (
  SELECT name, snapshot FROM onemap.reader WHERE at >= now() - keep
), old AS (
  SELECT c.seq, c.xid FROM onemap.change c
  WHERE c.at < now() - %(keep)s::interval
    AND c.seq < (SELECT min(seq) FROM (SELECT seq FROM onemap.change ORDER BY seq DESC LIMIT 1000) last)
), held AS (
  SELECT old.seq, live.name FROM old JOIN live ON NOT pg_visible_in_snapshot(old.xid, live.snapshot)
), dropped AS (
  DELETE FROM onemap.change c USING old WHERE c.seq = old.seq AND c.seq NOT IN (SELECT seq FROM held)
  RETURNING c.table_schema, c.table_name, c.at
), begun AS (
  UPDATE onemap.log l SET since = greatest(l.since, d.last)
  FROM (SELECT table_schema, table_name, max(at) AS last FROM dropped GROUP BY 1, 2) d
  WHERE (l.table_schema, l.table_name) = (d.table_schema, d.table_name)
)
SELECT (SELECT count(*) FROM dropped), (SELECT count(DISTINCT seq) FROM held),
       ARRAY(SELECT DISTINCT name FROM held ORDER BY name)
