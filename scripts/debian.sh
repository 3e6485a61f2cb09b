#!/bin/sh
# Install the named Debian packages that are missing; without root or sudo, name them and the command to run.
# Exit status: 0 when all are there afterwards, else 1.
set -eu

missing() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
    done
}

if ! command -v apt-get >/dev/null; then
    echo "Not a Debian system: install what your system calls: $*"
    exit 1
fi
# shellcheck disable=SC2046
set -- $(missing "$@")
[ $# -gt 0 ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    if ! sudo -n true 2>/dev/null; then
        echo "Missing Debian packages: $*"
        echo "Install them with: sudo apt-get install --no-install-recommends $*"
        exit 1
    fi
fi

echo "Installing Debian packages: $*"
log=$(mktemp)
options="-y -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
# shellcheck disable=SC2086
if ! { $as_root apt-get $options update &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $options install --no-install-recommends "$@"; } \
    </dev/null >"$log" 2>&1; then
    tail -n 20 "$log"
    echo "These Debian packages could not all be installed: $*"
fi
rm -f "$log"
[ -z "$(missing "$@")" ]
