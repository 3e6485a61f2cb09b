#!/bin/sh
# Print the address of a database with the demo province in data/demo, in a private cluster below data/postgis; the
# province is copied again when it was generated again.
set -eu
folder=data/postgis
scripts/cluster.sh start "$folder" >/dev/null
stamp=$(stat -c %Y-%s data/demo/province.gpkg)
dsn=$(PGDATABASE=demo scripts/cluster.sh dsn "$folder")
if [ "$(cat "$folder/demo.stamp" 2>/dev/null)" != "$stamp" ]; then
    admin=$(PGDATABASE=postgres scripts/cluster.sh dsn "$folder")
    psql -q -v ON_ERROR_STOP=1 "$admin" -c 'SET client_min_messages = error' \
        -c 'DROP DATABASE IF EXISTS demo WITH (FORCE)' -c 'CREATE DATABASE demo' >&2
    psql -q -v ON_ERROR_STOP=1 "$dsn" -c 'CREATE EXTENSION postgis' >&2
    .venv/bin/onemap import data/demo/province.gpkg --to "$dsn" >&2
    echo "$stamp" >"$folder/demo.stamp"
fi
echo "$dsn"
