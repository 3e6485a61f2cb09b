"""What reports and evidence of an instance are made with."""

from __future__ import annotations

from onemap.app.instance import Instance
from onemap.processes import available
from onemap.processes.desk import Desk
from onemap.processes.evidence import open_notary
from onemap.processes.shelf import RuleShelf
from onemap.web.html import STATIC

_TYPEFACES = STATIC / "vendor" / "typefaces"


def desk_of(instance: Instance) -> Desk:
    """Return the desk of an instance: its styles, the fonts of reports, its notary, its rules. Raises ConfigError."""
    titles = {process.id: process.title for process in available(instance.settings)}
    return Desk(
        instance.styles, _TYPEFACES, open_notary(instance.settings), titles, instance.rules, RuleShelf(instance.rules)
    )
