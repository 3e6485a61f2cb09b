CREATE TABLE onemap.job (
  id text PRIMARY KEY,
  zone text NOT NULL,
  process text NOT NULL,
  owner text NOT NULL,
  status text NOT NULL,
  created bigint NOT NULL,
  updated bigint NOT NULL,
  started bigint,
  finished bigint,
  progress integer NOT NULL DEFAULT 0,
  message text NOT NULL DEFAULT '',
  attempt integer NOT NULL DEFAULT 0,
  lost integer NOT NULL DEFAULT 0,
  worker text,
  ready bigint,
  bytes bigint NOT NULL DEFAULT 0,
  problem text,
  evidence text
) WITH (fillfactor = 70);
CREATE INDEX job_ready ON onemap.job (zone, ready) WHERE ready IS NOT NULL;
CREATE INDEX job_running ON onemap.job (zone, ready) WHERE status = 'running';
CREATE INDEX job_held ON onemap.job (zone, owner, ready) WHERE worker IS NOT NULL;
CREATE INDEX job_owner ON onemap.job (zone, owner, created DESC, id DESC);
CREATE INDEX job_active ON onemap.job (zone, owner) WHERE finished IS NULL;
CREATE INDEX job_finished ON onemap.job (zone, finished) WHERE finished IS NOT NULL;
CREATE INDEX job_status ON onemap.job (zone, status, bytes);
CREATE TABLE onemap.job_order (job text PRIMARY KEY, body bytea NOT NULL, facts text NOT NULL);
CREATE TABLE onemap.job_output (
  job text NOT NULL REFERENCES onemap.job ON DELETE CASCADE,
  file text NOT NULL,
  part integer NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (job, file, part)
)
