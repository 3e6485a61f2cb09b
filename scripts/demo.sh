#!/bin/sh
# Serve the demo with its data in a private PostgreSQL cluster, and stop the cluster when the demo ends, however that is
# asked for: demo.sh ARGUMENTS of onemap serve. A cluster that was running before stays.
set -eu
folder=data/postgis
server=
[ -n "$(scripts/cluster.sh status "$folder")" ] && started= || started=1

end() {
    trap '' INT TERM HUP
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    [ -z "$started" ] || MODE=fast scripts/cluster.sh stop "$folder"
}

trap 'end; exit 130' INT
trap 'end; exit 143' TERM HUP
trap end EXIT
dsn=$(scripts/demo-postgis.sh)
.venv/bin/onemap serve "$@" --store "province=$dsn" &
server=$!
status=0
wait "$server" || status=$?
server=
exit "$status"
