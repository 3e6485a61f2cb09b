"""What a part of the server counts, for those who run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A number as Prometheus takes it. ``labels``: pairs of name and value.

    ``common``: all processes of an instance have the same number, which is not to be added up.
    """

    name: str
    help: str
    value: float
    kind: Literal["counter", "gauge"] = "counter"
    labels: tuple[tuple[str, str], ...] = ()
    common: bool = False
