"""The process that computes jobs, ``python -m onemap.cli.labour``: its worker starts it and it ends with it."""

from __future__ import annotations

import os
from collections.abc import Callable

from onemap.app import Instance, desk_of
from onemap.app.revival import Revival
from onemap.catalog import load_codes
from onemap.cli.serve import Source
from onemap.config import shipped
from onemap.processes import available
from onemap.processes.jobs.labour import labour
from onemap.processes.jobs.runner import Runner

_NICENESS = 10


def main() -> None:
    """Load the instance and work on jobs until the worker is gone."""
    os.nice(_NICENESS)
    instance = Source.from_environment().instance()
    settings, codes = instance.settings, load_codes(shipped("codes"))
    runner = Runner(available(settings), instance.gate, settings, codes, desk_of(instance))
    labour(runner, _revived(instance))


def _revived(instance: Instance) -> Callable[[], None]:
    """Return what takes up the stores that were away when the process started."""
    revival = Revival(instance.missing, instance.gate)
    return revival.try_again


if __name__ == "__main__":
    main()
