"""A hand of the process that computes, ``python -m onemap.cli.hand``: started by it, and ended with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from onemap.cli.parent import end_with_parent

if TYPE_CHECKING:
    from onemap.security import Gate


def load() -> tuple[Gate, Callable[[], None]]:
    """Return the gate of the instance that the environment names, and what tries again the stores that are away."""
    from onemap.app.revival import Revival
    from onemap.cli.labour import be_patient
    from onemap.cli.serve import Source

    instance = Source.from_environment().instance()
    be_patient(instance)
    return instance.gate, Revival(instance.missing, instance.gate).try_again


def main() -> None:
    """Do errands until the process that computes is gone."""
    end_with_parent()
    # From here on it takes a while, in which that process may end.
    from onemap.processes.jobs.hand import hand

    hand(load)


if __name__ == "__main__":
    main()
