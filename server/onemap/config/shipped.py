"""Files that come with the package: matrix sets, code lists, rule catalogues, styles, the default configuration."""

from __future__ import annotations

from pathlib import Path

_IN_CHECKOUT = {
    "matrixsets": "tiles/matrixsets",
    "codes": "collections/codes",
    "config": "config",
    "processes": "processes",
    "styles": "styles",
}


def shipped(name: str) -> Path:
    """Return the folder of shipped files of this name, from the wheel or from the source checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_shipped" / name
    return installed if installed.is_dir() else package.parent.parent / _IN_CHECKOUT[name]
