"""Read a provider: its fields, counts and features as batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from onemap.catalog.model import Field, FieldType
from onemap.config import PygeoapiSettings, Text
from onemap.errors import OneMapError, Unavailable
from onemap.store.base import Batch, Key
from onemap.store.pygeoapi.ask import Ask
from onemap.store.pygeoapi.find import find_provider

_PAGE = 10_000
_TYPES: Mapping[str, FieldType] = {"integer": "integer", "number": "number", "float": "number", "boolean": "boolean"}
_FORMATS: Mapping[str, FieldType] = {"date": "date", "date-time": "datetime"}


class Reader:
    """A provider, made anew for each question as pygeoapi does: providers are not safe among threads.

    Raises Unavailable when the provider fails, whatever it raises.
    """

    def __init__(self, settings: PygeoapiSettings, folder: Path) -> None:
        self._settings = settings
        self._class = find_provider(settings.provider)
        self.path = _file(settings.data, folder)
        self._definition = {
            **settings.options,
            "type": "feature",
            "name": settings.provider,
            "data": str(self.path) if self.path else settings.data,
            "table": settings.table,
            "id_field": settings.id_field,
        }
        self._known: Fields | None = None

    @property
    def fields(self) -> Fields:
        """The fields of the features, asked for once."""
        if self._known is None:
            with self._asking():
                self._known = fields_of(self._class(dict(self._definition)).get_fields(), self._settings.id_field)
        return self._known

    def hits(self, ask: Ask) -> int | None:
        """Return how many features a question has, None when the provider does not say."""
        with self._asking():
            found = self._provider().query(resulttype="hits", **self._arguments(ask)).get("numberMatched")
        return int(found) if isinstance(found, int) else None

    def pages(self, ask: Ask, offset: int = 0, most: int | None = None) -> Iterator[Batch]:
        """Yield the features of a question in the provider's order, at most ``most``."""
        provider, left = self._provider(), most
        while left is None or left > 0:
            asked = _PAGE if left is None else min(_PAGE, left)
            with self._asking():
                found = provider.query(offset=offset, limit=asked, **self._arguments(ask))["features"][:asked]
                batch = self._batch(found)
            if not len(batch):
                return  # a short page need not be the last: the provider may have a limit of its own
            yield batch
            offset, left = offset + len(batch), None if left is None else left - len(batch)

    def get(self, key: str) -> Batch:
        """Return the feature with this id as a batch of one, or an empty batch."""
        from pygeoapi.provider.base import ProviderItemNotFoundError

        if not key:
            return self._batch([])
        with self._asking():
            try:
                found = self._provider().get(key)
            except ProviderItemNotFoundError:
                found = None
            batch = self._batch([found] if found else [])
        return batch if [str(known) for known in batch.keys] == [key] else self._batch([])

    def _provider(self) -> Any:
        with self._asking():
            return self._class(dict(self._definition))

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        return ask.arguments(swapped=self._settings.authority_axes)

    def _batch(self, features: Sequence[Mapping[str, Any]]) -> Batch:
        keys = [self.fields.key(feature["id"]) for feature in features]
        rows = [feature.get("properties") or {} for feature in features]
        columns = {
            field.name: keys
            if field.name == self._settings.id_field
            else [plain(row.get(field.name), field) for row in rows]
            for field in self.fields.listed
        }
        return Batch(keys, self._geometries([feature.get("geometry") for feature in features]), columns)

    def _geometries(self, documents: Sequence[Any]) -> NDArray[np.object_]:
        texts = np.empty(len(documents), dtype=object)
        texts[:] = [None if document is None else orjson.dumps(document, default=list) for document in documents]
        geometries = shapely.force_2d(shapely.from_geojson(texts, on_invalid="ignore"))
        if self._settings.authority_axes:
            geometries = shapely.transform(geometries, lambda xy: xy[:, ::-1])
        return np.asarray(geometries, dtype=object)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except OneMapError:
            raise
        except Exception as error:
            raise Unavailable(f"The source of '{self._settings.table}' could not be read.") from error


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a provider; ``integer_key``: its ids are whole numbers."""

    listed: tuple[Field, ...]
    integer_key: bool

    @property
    def by_name(self) -> Mapping[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.listed}

    def key(self, identity: Any) -> Key:
        """Return the id of a feature as a key."""
        return int(identity) if self.integer_key else str(identity)


def fields_of(described: Mapping[str, Mapping[str, Any]], id_field: str) -> Fields:
    """Return the fields that ``get_fields`` of a provider describes."""
    fields = [_field(name, schema) for name, schema in described.items()]
    key = next((field for field in fields if field.name == id_field), None)
    return Fields(tuple(fields), key is not None and key.type == "integer")


def _field(name: str, schema: Mapping[str, Any]) -> Field:
    title = str(schema.get("title") or name)
    found = _FORMATS.get(str(schema.get("format"))) or _TYPES.get(str(schema.get("type")), "string")
    return Field(name, found, Text(zh=title, en=title))


def plain(value: Any, field: Field) -> str | float | bool | None:
    """Return a value as a store keeps it: times as GeoPackage text (UTC), objects and arrays as JSON."""
    if value is None:
        return None
    if field.type in ("date", "datetime"):
        return _time(value, field.type)
    if isinstance(value, dict | list | tuple | bool) and field.type == "string":
        return orjson.dumps(value, default=str).decode()
    if field.type == "string":
        return str(value)
    return value if isinstance(value, str | int | float) else float(value)


def _time(value: Any, kind: FieldType) -> str:
    """Return a date or a moment, or its text, as GeoPackage has it; a text that is neither stays as it is."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if not isinstance(value, datetime):
        return str(value.isoformat())
    moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return moment.date().isoformat() if kind == "date" else moment.isoformat(timespec="milliseconds") + "Z"


def _file(data: str | dict[str, Any], folder: Path) -> Path | None:
    """Return the file that ``data`` names, None when it names none."""
    if isinstance(data, dict) or "://" in data:
        return None
    path = folder / data
    return path.resolve() if path.exists() else None
