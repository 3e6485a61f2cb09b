"""The command line: onemap serve, check, openapi, import, demo."""

from __future__ import annotations

import sys

from onemap.errors import OneMapError

__all__ = ["main"]


def main() -> None:
    """Run the command line; a known error is one clear message and exit status 2."""
    from onemap.cli.commands import application  # the processes beside a server live in this package, and need less

    try:
        application()
    except OneMapError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        sys.exit(2)
