#!/bin/sh
# Print the path of the Python that the environment is made with: PYTHON if it is set, else the first of PATH and
# pyenv that is 3.12 or newer, has pip for a venv, and an SQLite with the R-tree that GeoPackage needs.
set -eu

recent='import sys; assert sys.version_info >= (3, 12)'
complete='import ensurepip, ssl, venv, sqlite3; sqlite3.connect(":memory:").execute("CREATE VIRTUAL TABLE t USING rtree(a,b,c)")'

candidates() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" || echo "PYTHON=$PYTHON: no such program" >&2
        return
    fi
    for name in python3.12 python3.13 python3.14 python3 python; do
        command -v "$name" || true
    done
    for path in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
        [ -x "$path" ] && echo "$path"
    done
}

first() {
    candidates | while read -r python; do
        if "$python" -c "$1" </dev/null >/dev/null 2>&1; then
            "$python" -c 'import sys; print(sys.executable)'
            break
        fi
    done
}

found=$(first "$recent; $complete")
if [ -z "$found" ] && [ -n "$(first "$recent")" ] && command -v apt-get >/dev/null; then
    # Debian's python3 comes without the part that puts pip into a venv.
    scripts/debian.sh python3-venv >&2 || true
    found=$(first "$recent; $complete")
fi
if [ -z "$found" ]; then
    echo "No usable Python: OneMap needs 3.12 or newer with ensurepip, ssl and an SQLite that has R-tree." >&2
    echo "Looked at: $(candidates | tr '\n' ' ')" >&2
    echo "Install one (for example: pyenv install 3.12), or name it: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
echo "$found"
