#!/bin/sh
# Make .venv hold exactly what a lock file names, and the package itself, editable: venv.sh runtime|dev
set -eu

environment=$1
[ ! -e .venv/.dev ] || environment=dev # what tests need stays, once installed

if ! .venv/bin/python -c 'import pip, sys; assert sys.version_info >= (3, 12)' 2>/dev/null; then
    python=$(scripts/python.sh)
    echo "Creating .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv
fi

pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input "$@"; }

echo "Installing $(grep -c '==' "requirements/$environment.lock") Python packages (requirements/$environment.lock)"
pip install --require-hashes --requirement requirements/build.lock

# uv neither asks the system's certificates nor pip's configuration by itself: a mirror set for pip is meant for both.
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
mirror=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
[ -z "$mirror" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$mirror}"
uv() { .venv/bin/uv --quiet --no-config pip "$@" --python .venv/bin/python; }

uv sync --require-hashes "requirements/$environment.lock"
uv install --no-deps --build-constraints requirements/build.lock --editable .

touch .venv/.runtime
[ "$environment" = runtime ] || touch .venv/.dev
