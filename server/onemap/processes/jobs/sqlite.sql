CREATE TABLE job (
  id TEXT PRIMARY KEY,
  zone TEXT NOT NULL,
  process TEXT NOT NULL,
  owner TEXT NOT NULL,
  status TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  started INTEGER,
  finished INTEGER,
  progress INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  attempt INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  ready INTEGER,
  bytes INTEGER NOT NULL DEFAULT 0,
  problem TEXT,
  evidence TEXT
) WITHOUT ROWID;
CREATE TABLE job_order (job TEXT PRIMARY KEY, body BLOB NOT NULL, facts TEXT NOT NULL);
CREATE INDEX job_ready ON job (zone, ready) WHERE ready IS NOT NULL;
CREATE INDEX job_running ON job (zone, ready) WHERE status = 'running';
CREATE INDEX job_held ON job (zone, owner, ready) WHERE worker IS NOT NULL;
CREATE INDEX job_owner ON job (zone, owner, created DESC, id DESC);
CREATE INDEX job_active ON job (zone, owner) WHERE finished IS NULL;
CREATE INDEX job_finished ON job (zone, finished) WHERE finished IS NOT NULL;
CREATE INDEX job_status ON job (zone, status, bytes)
