-- name: evidence_sqlite
CREATE TABLE IF NOT EXISTS evidence (
  id TEXT PRIMARY KEY, payload BLOB NOT NULL, kid TEXT NOT NULL, signature BLOB NOT NULL
) WITHOUT ROWID;

-- name: question_sqlite
CREATE TABLE IF NOT EXISTS evidence_question (
  number INTEGER PRIMARY KEY, evidence TEXT NOT NULL UNIQUE, body BLOB NOT NULL, size INTEGER NOT NULL
);

-- name: key_sqlite
CREATE TABLE IF NOT EXISTS evidence_key (number INTEGER PRIMARY KEY, kid TEXT NOT NULL UNIQUE, jwk TEXT NOT NULL);

-- name: evidence_postgres
CREATE TABLE IF NOT EXISTS evidence (id text PRIMARY KEY, payload bytea NOT NULL, kid text NOT NULL, signature bytea NOT NULL);

-- name: question_postgres
CREATE TABLE IF NOT EXISTS evidence_question (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  evidence text NOT NULL UNIQUE, body bytea NOT NULL, size bigint NOT NULL
);

-- name: key_postgres
CREATE TABLE IF NOT EXISTS evidence_key (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kid text NOT NULL UNIQUE, jwk text NOT NULL
);

-- name: add_key
INSERT INTO evidence_key (kid, jwk) VALUES (:kid, :jwk) ON CONFLICT (kid) DO NOTHING;

-- name: add
INSERT INTO evidence (id, payload, kid, signature) VALUES (:id, :payload, :kid, :sig) ON CONFLICT (id) DO NOTHING;

-- name: add_question
INSERT INTO evidence_question (evidence, body, size) VALUES (:id, :body, :size) ON CONFLICT (evidence) DO NOTHING;

-- The oldest questions go when all of them are larger than allowed; it is looked at with every sixteenth.
-- name: prune
DELETE FROM evidence_question WHERE (SELECT max(number) & 15 FROM evidence_question) = 0 AND number IN (
  SELECT number FROM (SELECT number, sum(size) OVER (ORDER BY number DESC) AS above FROM evidence_question) sums
  WHERE above > :most
);

-- name: get
SELECT id, payload, kid, signature FROM evidence WHERE id = :id;

-- name: question
SELECT body FROM evidence_question WHERE evidence = :id;

-- name: keys
SELECT jwk FROM evidence_key ORDER BY number;
