"""The notary of an instance, as its settings have it."""

from __future__ import annotations

from functools import cache

from onemap.config import Settings
from onemap.processes.database import database_of
from onemap.processes.evidence.model import EvidenceStore
from onemap.processes.evidence.notary import Notary
from onemap.processes.evidence.postgres import PostgresEvidence
from onemap.processes.evidence.sqlite import SqliteEvidence
from onemap.security.signing import Signer, signer_from


def open_notary(settings: Settings) -> Notary | None:
    """Return who attests the results of an instance; None where evidence is off or there is no place for it.

    Nothing is opened or made before the first use. Raises ConfigError when the store that is named is none.
    """
    given = settings.evidence
    if not given.enabled or given.folder is None:
        return None
    key = given.key_file or given.folder / "signing.key"

    @cache
    def signer() -> Signer:
        return signer_from(key)

    return Notary(signer, _store(settings), given.keep_inputs)


def _store(settings: Settings) -> EvidenceStore:
    given = settings.evidence
    database = database_of(settings, given.store, "evidence.store")
    if database is not None:
        return PostgresEvidence(database, given.inputs_bytes)
    assert given.folder is not None
    return SqliteEvidence(given.folder / f"evidence-{settings.zone}.sqlite", given.inputs_bytes)
