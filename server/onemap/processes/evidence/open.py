"""The notary of an instance, as its settings have it."""

from __future__ import annotations

from functools import cache

from onemap.config import PostgisSettings, Settings
from onemap.errors import ConfigError, did_you_mean
from onemap.processes.evidence.model import EvidenceStore
from onemap.processes.evidence.notary import Notary
from onemap.processes.evidence.postgres import PostgresEvidence
from onemap.processes.evidence.sqlite import SqliteEvidence
from onemap.security.signing import Signer, signer_from

EMBEDDED = "embedded"


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
    database = _database(settings)
    if database is not None:
        return PostgresEvidence(database, given.inputs_bytes)
    assert given.folder is not None
    return SqliteEvidence(given.folder / f"evidence-{settings.zone}.sqlite", given.inputs_bytes)


def _database(settings: Settings) -> PostgisSettings | None:
    """Return the database that keeps the evidence; None: a file does."""
    named = settings.evidence.store
    databases = {name: store for name, store in settings.stores.items() if isinstance(store, PostgisSettings)}
    if named is None or named == EMBEDDED:
        return next(iter(databases.values())) if named is None and len(databases) == 1 else None
    if named not in databases:
        hint = did_you_mean(named, [*databases, EMBEDDED])
        raise ConfigError(f"evidence.store: there is no PostGIS store '{named}'.", hint)
    return databases[named]
