"""The process that computes jobs, ``python -m onemap.cli.labour``: its worker starts it and it ends with it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from onemap.cli.parent import end_with_parent

if TYPE_CHECKING:
    from onemap.app import Instance
    from onemap.processes.jobs.runner import Runner

CORES = "ONEMAP_CORES"
"""The environment variable that says how many cores a job may use."""
_HAND = (sys.executable, "-m", "onemap.cli.hand")
_NICENESS = 10


def main() -> None:
    """Load the instance and work on jobs until the worker is gone."""
    end_with_parent()
    os.nice(_NICENESS)
    # From here on it takes a while, in which the worker may end.
    from onemap.app.revival import Revival
    from onemap.cli.serve import Source
    from onemap.processes.jobs.hands import Hands
    from onemap.processes.jobs.labour import labour

    instance = Source.from_environment().instance()
    hands = Hands(_HAND, int(os.environ.get(CORES, "1")) - 1)
    labour(replace(runner_of(instance), hands=hands), Revival(instance.missing, instance.gate).try_again)


def runner_of(instance: Instance) -> Runner:
    """Return what runs the jobs of an instance in this process."""
    from onemap.app import desk_of
    from onemap.catalog import load_codes
    from onemap.config import shipped
    from onemap.processes import available
    from onemap.processes.jobs.runner import Runner

    settings = instance.settings
    be_patient(instance)
    return Runner(available(settings), instance.gate, settings, load_codes(shipped("codes")), desk_of(instance))


def be_patient(instance: Instance) -> None:
    """Let the statements of an instance take as long as those of jobs may, longer than those of requests."""
    from onemap.store.postgis import PostgisStore

    for store in instance.stores.values():
        if isinstance(store, PostgisStore):
            store.patient(instance.settings.jobs.statement)


if __name__ == "__main__":
    main()
