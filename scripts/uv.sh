#!/bin/sh
# Run the locked uv with what it does not look up by itself: the system's certificates and the index that pip is told to use.
set -eu

mirror=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}}
[ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"
export UV_SYSTEM_CERTS=1
exec .venv/bin/uv --quiet --no-config "$@"
