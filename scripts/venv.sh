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

echo "Installing $(grep -c '==' "requirements/$environment.lock") Python packages (requirements/$environment.lock)"
.venv/bin/python -m pip --quiet --disable-pip-version-check --no-input \
    install --require-hashes --requirement requirements/build.lock
scripts/uv.sh pip sync --python .venv/bin/python --require-hashes "requirements/$environment.lock"
scripts/uv.sh pip install --python .venv/bin/python --no-deps --build-constraints requirements/build.lock --editable .

touch .venv/.runtime
[ "$environment" = runtime ] || touch .venv/.dev
