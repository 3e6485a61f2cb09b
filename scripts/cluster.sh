#!/bin/sh
# A private PostgreSQL 15 cluster with PostGIS for tests and the demo: cluster.sh start|stop|dsn|status FOLDER
# It listens on a free port of 127.0.0.1, the same one each time unless another program has taken it, and on a socket in
# its folder, trusts local users only, and keeps no promise of durability: it is made for data that can be made again. The cluster of the Debian package is left alone.
set -eu

here=$(dirname "$0")
action=${1:-}
[ -n "${2:-}" ] || { echo "usage: cluster.sh start|stop|dsn|status FOLDER" >&2; exit 2; }
mkdir -p "$2"
folder=$(cd "$2" && pwd -P)
bin=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}

# PostgreSQL refuses to run as root; then it runs as the user of its Debian package.
as_server() {
    if [ "$(id -u)" -ne 0 ]; then "$@"; else (cd / && runuser -u postgres -- "$@"); fi
}

port() {
    sed -n 4p "$folder/data/postmaster.pid" 2>/dev/null
}

dsn() {
    echo "postgresql://postgres@127.0.0.1:$(port)/${PGDATABASE:-postgres}"
}

running() {
    as_server "$bin/pg_ctl" status -s -D "$folder/data" >/dev/null 2>&1
}

# The user of the Debian package may not enter the home of root: then the folder is a link to one that it may enter.
reachable() {
    [ "$(id -u)" -ne 0 ] || as_server test -x "$folder" || {
        there=/var/tmp/onemap-$(printf %s "$folder" | cksum | cut -d' ' -f1)
        mkdir -p "$there"
        rmdir "$folder" && ln -s "$there" "$folder"
        folder=$there
    }
}

create() {
    "$here/debian.sh" postgresql-15 postgresql-15-postgis-3 >&2
    reachable
    [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
    as_server "$bin/initdb" -D "$folder/data" -U postgres --encoding=UTF8 --locale=C --auth=trust --no-sync >/dev/null
    as_server sh -c "cat >>'$folder/data/postgresql.conf'" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
max_connections = 60
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum_naptime = 10min
logging_collector = off
CONF
}

# The port asked for where nobody listens on it, else any that is free.
free_port() {
    python3 - "${1:-0}" <<'PROBE'
import socket, sys
for port in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PROBE
}

start() {
    running && return
    [ -s "$folder/data/PG_VERSION" ] || create
    port=$(free_port "$(cat "$folder/port" 2>/dev/null)")
    echo "$port" >"$folder/port"
    rm -f "$folder/data/postmaster.pid"
    as_server "$bin/pg_ctl" start -s -w -D "$folder/data" -l "$folder/data/server.log" -o "-p $port" >&2
}

case $action in
start)
    start
    dsn
    ;;
stop) ! running || as_server "$bin/pg_ctl" stop -s -m "${MODE:-fast}" -D "$folder/data" ;;
dsn) dsn ;;
status) ! running || echo running ;;
*)
    echo "usage: cluster.sh start|stop|dsn|status FOLDER" >&2
    exit 2
    ;;
esac
