CREATE TABLE job_news (
  job TEXT NOT NULL,
  event TEXT NOT NULL,
  zone TEXT NOT NULL,
  owner TEXT NOT NULL,
  address TEXT NOT NULL,
  base TEXT NOT NULL,
  made INTEGER NOT NULL,
  due INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (job, event)
) WITHOUT ROWID;
CREATE INDEX job_news_due ON job_news (zone, due)
