"""Peers from their registries, each in an environment of its own outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HOME = Path(os.environ.get("ONEMAP_BENCH_HOME", Path.home() / ".cache" / "onemap-bench"))
PYGEOAPI = ("pygeoapi==0.24.*", "pysqlite3-binary", "gunicorn", "psycopg2-binary", "sqlalchemy", "geoalchemy2")
MARTIN_VERSION = "1.14.0"
TIPG = ("tipg==1.6.*", "uvicorn[standard]")
_SQLITE = """\
import sys
import pysqlite3
import pysqlite3.dbapi2
sys.modules["sqlite3"] = pysqlite3
sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
"""


def environment(name: str, packages: Sequence[str]) -> Path:
    """Return the folder of a Python environment with these packages, made again when they are others."""
    folder, wanted = HOME / name, "\n".join(packages)
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.write_text(wanted)
    return folder


def pygeoapi_python() -> Path:
    """Return the Python of an environment with pygeoapi 0.24.

    Its GeoPackage provider loads SpatiaLite into sqlite3 (Debian: libsqlite3-mod-spatialite), which a
    Python built without loadable extensions cannot do: pysqlite3 stands in for the standard module.
    """
    folder = environment("pygeoapi-0.24", PYGEOAPI)
    site = next(folder.glob("lib/python3*/site-packages"))
    (site / "sitecustomize.py").write_text(_SQLITE)
    return folder / "bin" / "python"


def pygeoapi_config(provider: str, table: str, bounds: list[float], port: int, limit: int) -> str:
    """Return a pygeoapi configuration that publishes one table through a provider (YAML)."""
    return f"""\
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  gzip: false
  languages: [en-US]
  limits: {{default_items: 10, max_items: {limit}}}
  map: {{url: "http://127.0.0.1/none", attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification:
    {{title: t, description: d, keywords: [k], keywords_type: theme, terms_of_service: n, url: "http://127.0.0.1/"}}
  license: {{name: n, url: "http://127.0.0.1/"}}
  provider: {{name: n, url: "http://127.0.0.1/"}}
  contact: {{name: n, email: n@example.org}}
resources:
  {table}:
    type: collection
    title: {table}
    description: {table}
    keywords: [k]
    links: []
    extents: {{spatial: {{bbox: {bounds}, crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}}}
    providers:
      - {provider}
"""


def tipg_python() -> Path:
    """Return the Python of an environment with tipg."""
    return environment("tipg-1.6", TIPG) / "bin" / "python"


def martin_program() -> Path:
    """Return the program martin, built from the Rust registry when it is not there: ten minutes on two cores.

    Its default features would load more from the network while it is built.
    """
    folder = HOME / f"martin-{MARTIN_VERSION}"
    program = folder / "bin" / "martin"
    if not program.exists():
        features = ("--no-default-features", "--features", "postgres,mbtiles,pmtiles")
        command = ["cargo", "install", "martin", "--version", MARTIN_VERSION, "--locked", *features]
        with tempfile.TemporaryDirectory(dir=HOME) as target:
            environment = {**os.environ, "CARGO_TARGET_DIR": target}
            subprocess.run([*command, "--root", folder], check=True, env=environment)
    return program
