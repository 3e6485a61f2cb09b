"""Evidence: a permanent, signed record of every result, by which it can be checked and computed again."""

from onemap.processes.evidence.model import Evidence, EvidenceStore
from onemap.processes.evidence.notary import Notary
from onemap.processes.evidence.open import open_notary
from onemap.processes.evidence.routes import block

__all__ = ["Evidence", "EvidenceStore", "Notary", "block", "open_notary"]
