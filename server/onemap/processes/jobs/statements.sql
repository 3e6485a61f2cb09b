-- The statements about jobs, SQL of SQLite and of PostgreSQL alike; values are named :name.
-- `ready`: the time from which a job may be taken, of a waiting one when it was accepted, of one that is worked on the
-- end of the lease. `worker`: who works on it. `lost`: the workers that died.

-- name: add
INSERT INTO job (id, zone, process, owner, status, created, updated, ready, bytes)
VALUES (:id, :zone, :process, :owner, 'accepted', :now, :now, :now, :bytes) RETURNING id;

-- name: add_order
INSERT INTO job_order (job, body, facts) VALUES (:id, :body, :facts) RETURNING job;

-- name: drop_order
DELETE FROM job_order WHERE job = :id RETURNING job;

-- name: order
SELECT body, facts FROM job_order WHERE job = :id;

-- name: job
SELECT id, process, owner, status, created, updated, started, finished, progress, message, attempt, problem,
  evidence
FROM job WHERE id = :id AND zone = :zone AND owner = :owner;

-- name: page
SELECT id, process, owner, status, created, updated, started, finished, progress, message, attempt, problem,
  evidence
FROM job WHERE zone = :zone AND owner = :owner AND (created, id) < (:created, :id) AND {tests}
ORDER BY created DESC, id DESC LIMIT :limit;

-- name: active
SELECT count(*) FROM job WHERE zone = :zone AND owner = :owner AND finished IS NULL;

-- name: used
SELECT coalesce(sum(bytes), 0) FROM job WHERE zone = :zone;

-- name: any_ready
SELECT 1 FROM job WHERE zone = :zone AND ready <= :now LIMIT 1;

-- name: broken
SELECT id, owner FROM job WHERE zone = :zone AND ready <= :now AND status = 'running'
AND lost + CASE WHEN worker IS NULL THEN 0 ELSE 1 END >= :most;

-- name: claim
UPDATE job SET status = 'running', started = coalesce(started, :now), updated = :now, progress = 0, message = '',
  attempt = attempt + 1, lost = lost + CASE WHEN worker IS NULL THEN 0 ELSE 1 END, worker = :worker,
  ready = :now + :lease
WHERE id = (
  SELECT id FROM job WHERE zone = :zone AND ready <= :now
  AND lost + CASE WHEN worker IS NULL THEN 0 ELSE 1 END < :most
  AND owner NOT IN (
    SELECT owner FROM job WHERE zone = :zone AND worker IS NOT NULL AND ready > :now
    GROUP BY owner HAVING count(*) >= :running)
  ORDER BY ready LIMIT 1 {lock})
RETURNING id, attempt, process, owner;

-- name: wanted
SELECT 1 FROM job WHERE id = :id AND attempt = :attempt AND status = 'running' AND worker IS NOT NULL;

-- name: hold
SELECT 1 FROM job WHERE id = :id AND attempt = :attempt AND status = 'running' AND worker IS NOT NULL {hold};

-- name: renew
UPDATE job SET ready = :now + :lease, updated = :now, progress = :progress, message = :message
WHERE id = :id AND attempt = :attempt AND status = 'running' AND worker IS NOT NULL RETURNING id;

-- name: give_back
UPDATE job SET ready = created, worker = NULL, lost = lost + :lost, updated = :now, message = ''
WHERE id = :id AND attempt = :attempt AND status = 'running' AND worker IS NOT NULL RETURNING id;

-- name: finish
UPDATE job SET status = :status, finished = :now, updated = :now, ready = NULL, worker = NULL, problem = :problem,
  bytes = :bytes, evidence = :evidence, message = '', progress = CASE WHEN :status = 'successful' THEN 100 ELSE progress END
WHERE id = :id AND attempt = :attempt AND status = 'running' AND worker IS NOT NULL RETURNING id;

-- name: end
UPDATE job SET status = :status, finished = :now, updated = :now, ready = NULL, worker = NULL, problem = :problem,
  bytes = 0, message = '' WHERE id = :id AND finished IS NULL RETURNING id;

-- name: remove
DELETE FROM job WHERE id = :id RETURNING id;

-- name: old
SELECT id FROM job WHERE zone = :zone AND finished < :before ORDER BY finished LIMIT :limit;

-- name: counts
SELECT status, count(*) FROM job WHERE zone = :zone GROUP BY status;

-- All jobs with the number of the attempt whose files are of use, -1 for none.
-- name: known
SELECT id, CASE WHEN status IN ('running', 'successful') THEN attempt ELSE -1 END FROM job WHERE zone = :zone;

-- `due`: the time from which news may be told, while somebody tells them the end of the lease. Of the news of a job the
-- older come first.

-- name: add_news
INSERT INTO job_news (job, event, zone, owner, address, base, made, due)
VALUES (:id, :event, :zone, :owner, :address, :base, :now, :now) ON CONFLICT (job, event) DO NOTHING RETURNING job;

-- name: any_news
SELECT 1 FROM job_news WHERE zone = :zone AND due <= :now LIMIT 1;

-- name: next_news
UPDATE job_news SET attempts = attempts + 1, due = :now + :lease
WHERE (job, event) = (
  SELECT job, event FROM job_news AS one WHERE zone = :zone AND due <= :now
  AND NOT EXISTS (SELECT 1 FROM job_news AS other WHERE other.job = one.job AND other.made < one.made)
  ORDER BY due LIMIT 1 {lock})
RETURNING job, event, owner, address, base, attempts;

-- name: told_news
DELETE FROM job_news WHERE job = :id AND event = :event RETURNING job;

-- name: later_news
UPDATE job_news SET due = :now + :pause WHERE job = :id AND event = :event RETURNING job;

-- name: drop_news
DELETE FROM job_news WHERE job = :id RETURNING job;

-- name: old_news
DELETE FROM job_news WHERE zone = :zone AND made < :before RETURNING job, event;
