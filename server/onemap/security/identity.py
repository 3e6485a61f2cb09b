"""Identity: who is asking. This first version knows anonymous users only."""

from __future__ import annotations

from onemap.block import Principal

ANONYMOUS = Principal()


def identify() -> Principal:
    """Return the principal of a request: without any means of authentication, everybody is anonymous."""
    return ANONYMOUS
