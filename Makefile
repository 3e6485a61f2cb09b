# OneMap: two commands to know, `make demo` and `make test`; `make help` lists the rest.
# Every step leaves a stamp and is skipped while the files it was made from stay the same.

PORT ?= 8000
HOST ?= 127.0.0.1
ZONE ?= business
SEED ?= 1
# The size already generated, unless another is asked for: make demo SIZE=large
SIZE ?= $(or $(patsubst data/demo/.size-%,%,$(firstword $(wildcard data/demo/.size-*))),small)

DEBIAN = chromium gdal-bin python3-gdal qgis python3-qgis qgis-providers fonts-noto-cjk postgresql-15 postgresql-15-postgis-3
# Test files side by side, one process for each core; each process has its own data folder and PostgreSQL.
PARALLEL = -n auto --maxprocesses 4 --dist loadfile
RINGS = $(wildcard $(addprefix tests/,unit store api clients e2e))
VENDOR = server/onemap/web/static/vendor/.complete
FONTS = server/onemap/web/static/vendor/fonts/.complete
ASSETS = $(wildcard server/onemap/web/assets/package*.json)

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test lint format conformance bench openapi docs lock wheel clean debian

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: .venv/.runtime $(VENDOR) data/demo/.size-$(SIZE) ## Serve the demo (PORT, HOST, ZONE, SIZE=small|medium|large, STORE=postgis)
	@test -e $(FONTS) || { mkdir -p build; nice scripts/fonts.sh >build/fonts.log 2>&1 & }
	@exec $(if $(filter postgis,$(STORE)),scripts/demo.sh,.venv/bin/onemap serve) \
	--root . --zone $(ZONE) --host $(HOST) --port $(PORT)

test: debian .venv/.dev $(VENDOR) $(FONTS) lint ## Install what the tests need, lint, and run every ring but the conformance ring
	@.venv/bin/pytest -q --tb=short $(PARALLEL) $(RINGS)

lint: .venv/.dev ## ruff, mypy --strict, the layers of the house, drift of the generated reference
	@failed=0; \
	.venv/bin/ruff check --quiet --output-format concise server tests scripts || failed=1; \
	.venv/bin/ruff format --check --quiet server tests scripts || failed=1; \
	.venv/bin/mypy || failed=1; \
	.venv/bin/lint-imports --no-logo || failed=1; \
	.venv/bin/python scripts/docs.py --check || failed=1; \
	exit $$failed

format: .venv/.dev ## Format the code and fix what ruff can fix
	@.venv/bin/ruff check --fix --quiet server tests scripts || true
	@.venv/bin/ruff format server tests scripts

conformance: .venv/.dev $(VENDOR) $(FONTS) ## The project's conformance ring, then the official OGC suites where they are at hand
	@.venv/bin/pytest -q --tb=short $(PARALLEL) tests/conformance
	@.venv/bin/python scripts/cite.py

bench: .venv/.dev $(VENDOR) ## Measure against peers: make bench ROWS="tiles overlay" PEERS="martin geopandas"
	@scripts/debian.sh libsqlite3-mod-spatialite || echo "pygeoapi needs it to read a GeoPackage."
	@.venv/bin/python tests/bench/run.py $(if $(ROWS),--rows $(ROWS)) $(if $(PEERS),--peers $(PEERS))

openapi: .venv/.runtime data/demo/.size-$(SIZE) ## Write openapi.yml again
	@mkdir -p build
	@.venv/bin/onemap openapi --root . > build/openapi.yml
	@mv build/openapi.yml openapi.yml

docs: .venv/.runtime ## Write docs/en/reference again, from the code
	@.venv/bin/python scripts/docs.py

lock: .venv/.runtime ## Write the lock files again after a change of pyproject.toml (UPGRADE=1: newest versions)
	@UPGRADE=$(UPGRADE) scripts/lock.sh

wheel: .venv/.dev $(VENDOR) $(FONTS) ## Build dist/onemap-*.whl
	@scripts/uv.sh build --wheel --build-constraints requirements/build.lock --out-dir dist .

clean: ## Remove what was made (.venv, build, dist, browser libraries, caches), not data/
	@rm -rf .venv build dist $(dir $(VENDOR)) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

debian:
	@scripts/debian.sh $(DEBIAN) || { test -z "$$CI" && echo "Going on: tests that need them are skipped by name."; }

.venv/.runtime: requirements/runtime.lock requirements/build.lock pyproject.toml scripts/venv.sh
	@scripts/venv.sh runtime

.venv/.dev: requirements/dev.lock requirements/build.lock pyproject.toml scripts/venv.sh
	@scripts/venv.sh dev

$(VENDOR): $(ASSETS) scripts/assets.sh | .venv/.runtime
	@scripts/assets.sh

$(FONTS): $(VENDOR) scripts/fonts.sh scripts/glyphs.mjs
	@scripts/fonts.sh

data/demo/.size-%: | .venv/.runtime
	@rm -f data/demo/.size-*
	@.venv/bin/onemap demo init data/demo --size $* --seed $(SEED)
	@touch $@
