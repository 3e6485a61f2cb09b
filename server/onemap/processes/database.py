"""Which database of an instance keeps what its processes leave: jobs, evidence."""

from __future__ import annotations

from onemap.config import PostgisSettings, Settings
from onemap.errors import ConfigError, did_you_mean

EMBEDDED = "embedded"
"""What a setting names instead of a database to have a file."""


def database_of(settings: Settings, named: str | None, setting: str) -> PostgisSettings | None:
    """Return the database that is named, the only one where none is; None: a file does.

    ``setting``: the name of the setting. Raises ConfigError when the store that it names is none.
    """
    databases = {name: store for name, store in settings.stores.items() if isinstance(store, PostgisSettings)}
    if named is None:
        return next(iter(databases.values())) if len(databases) == 1 else None
    if named == EMBEDDED:
        return None
    if named not in databases:
        hint = did_you_mean(named, [*databases, EMBEDDED])
        raise ConfigError(f"{setting}: there is no PostGIS store '{named}'.", hint)
    return databases[named]
