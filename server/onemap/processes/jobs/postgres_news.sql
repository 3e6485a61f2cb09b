CREATE TABLE onemap.job_news (
  job text NOT NULL,
  event text NOT NULL,
  zone text NOT NULL,
  owner text NOT NULL,
  address text NOT NULL,
  base text NOT NULL,
  made bigint NOT NULL,
  due bigint NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  PRIMARY KEY (job, event)
);
CREATE INDEX job_news_due ON onemap.job_news (zone, due)
