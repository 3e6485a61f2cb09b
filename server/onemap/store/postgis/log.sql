-- A line that differs when changes were logged since: late commits of earlier numbers count too.
SELECT concat_ws(':', max(seq), sum(seq), count(*)) FROM (SELECT seq FROM onemap.change ORDER BY seq DESC LIMIT 1000) s
