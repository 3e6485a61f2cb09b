"""A feature provider for pygeoapi 0.24 over the stores of OneMap: ``onemap.plugins.pygeoapi.FeatureProvider``.

The answers are those of OneMap itself: its filters, its order, its policy, its transformations. pygeoapi's own
transformation, which is wrong for EPSG:4490, is not used.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NoReturn

import orjson
from pygeoapi.crs import get_crs
from pygeoapi.provider.base import (
    BaseProvider,
    ProviderConnectionError,
    ProviderGenericError,
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    SchemaType,
)

from onemap.catalog import Field, property_schema
from onemap.cql import Tree, all_of, equals
from onemap.errors import ClientError, InvalidParameter, NotFound, OneMapError, UnknownCrs
from onemap.features.encode.geojson import features
from onemap.features.page import Page
from onemap.geo.bbox import Box
from onemap.geo.crs import CRS84, Crs, crs_from_srid
from onemap.plugins.foreign import adopt
from onemap.plugins.source import source_of
from onemap.plugins.writing import Writing
from onemap.query import filters, selection
from onemap.query.temporal import parse_datetime, temporal_filter
from onemap.store import Batch, FeatureQuery, SortKey, Store, View

_log = logging.getLogger("onemap.pygeoapi")
_ALL = 2**62
_MOST_COUNTED = 10_000
_GEOJSON = "application/geo+json"
Properties = Sequence[tuple[str, str]]
Object = dict[str, Any]


class FeatureProvider(BaseProvider):  # type: ignore[misc]
    """Serve a collection of OneMap; with ``editable: true`` also change it, where the instance lets everybody do so.

    Keys of the definition beside pygeoapi's: ``data`` is the folder of an instance, with ``collection``, or a
    GeoPackage or postgresql://... , with ``table``; ``options``: ``zone``, ``level`` (needed for a table), ``folder``.
    ``storage_crs`` is what pygeoapi hands over boxes and filters in: best CRS84, in which nothing is lost.
    """

    def __init__(self, provider_def: Mapping[str, Any]) -> None:
        super().__init__(provider_def)
        self._store, self._view, self._writing = _opened(provider_def, self.properties)
        self.editable = self._may_write()
        self.id_field: str = self._view.collection.key
        self.geom = self._view.collection.table.geometry_column
        self._fields: dict[str, Object] = {}
        with _answered():
            self._given = _crs_of(self.storage_crs)
        self.get_fields()

    def get_fields(self) -> dict[str, Object]:
        """Return the visible fields with their JSON Schema types; ``values`` are the codes of a code list."""
        if not self._fields:
            self._fields = {field.name: _described(field) for field in self._view.columns if field.type != "binary"}
        return self._fields

    def get_schema(self, schema_type: SchemaType = SchemaType.item) -> tuple[str, Object]:
        """Return the media type and JSON Schema of a feature."""
        properties = {field.name: property_schema(field, "en") for field in self._view.columns}
        parts = {
            "type": {"type": "string", "enum": ["Feature"]},
            "geometry": {"type": "object", "nullable": True},
            "properties": {"type": "object", "properties": properties},
        }
        return _GEOJSON, {"type": "object", "required": list(parts), "properties": parts}

    def query(
        self,
        offset: int = 0,
        limit: int = 10,
        resulttype: str = "results",
        bbox: Sequence[float] = (),
        datetime_: str | None = None,
        properties: Properties = (),
        sortby: Sequence[Mapping[str, str]] = (),
        select_properties: Sequence[str] = (),
        skip_geometry: bool = False,
        q: str | None = None,
        filterq: Tree | None = None,
        crs_transform_spec: Any = None,
        **_: object,
    ) -> Object:
        """Return a feature collection; ``bbox`` and geometries of ``filterq`` are in the declared storage CRS.

        ``numberMatched`` is left out where it is not cheap to know, unless ``resulttype`` is ``hits``.
        """
        with _answered():
            tests = [*self._tests(datetime_, properties, q), self._filter(filterq)]
            order = self._order(sortby)
            names = tuple(self._field(name).name for name in select_properties) or None
            read = None if names is None else tuple({*names, *(key.name for key in order)})
            query = FeatureQuery(
                limit=limit, offset=offset, box=self._box(bbox), filter=all_of(tests), order=order, columns=read
            )
            if resulttype == "hits":
                return {"type": "FeatureCollection", "features": [], "numberMatched": self._hits(query)}
            page = Page(self._store.batches(self._view, query), order, names, skip_geometry=skip_geometry)
            return self._collection(query, page, self._target(crs_transform_spec))

    def get(self, identifier: str, crs_transform_spec: Any = None, **_: object) -> Object:
        """Return a feature by its id. Raises ProviderItemNotFoundError."""
        with _answered():
            batch = self._store.feature(self._view, str(identifier))
            if [str(key) for key in batch.keys] != [str(identifier)]:
                raise ProviderItemNotFoundError(f"item {identifier} not found")
            return self._features(batch, self._target(crs_transform_spec))[0]

    def create(self, item: Any) -> str:
        """Create a feature from GeoJSON in longitude and latitude and return its id. Raises ProviderGenericError."""
        with _written():
            return self._writing.create(item)

    def update(self, identifier: str, item: Any) -> bool:
        """Replace a feature by GeoJSON, whole: properties that are not sent have no value any more."""
        with _written():
            self._writing.replace(str(identifier), item)
        return True

    def delete(self, identifier: str) -> bool:
        """Delete a feature. Raises ProviderItemNotFoundError."""
        with _written():
            self._writing.delete(str(identifier))
        return True

    def _may_write(self) -> bool:
        """Whether the definition asks for editing and the instance allows it; if not, the log of pygeoapi says why."""
        if not self._writing.asked:
            return False
        with _answered():
            reason = self._writing.refusal
        if reason:
            _log.warning("%s is asked to be editable. %s", self, reason)
        return not reason

    def __repr__(self) -> str:
        return f"<FeatureProvider> {self._view.collection.id}"

    def _collection(self, query: FeatureQuery, page: Page, crs: Crs) -> Object:
        found = [feature for batch in page for feature in self._features(batch, crs)]
        matched = self._store.count(self._view, query, _MOST_COUNTED) if self.count else None
        counts = {"numberReturned": len(found)} | ({} if matched is None else {"numberMatched": matched})
        return {"type": "FeatureCollection", "features": found, **counts}

    def _features(self, batch: Batch, crs: Crs) -> list[Object]:
        made = features(batch, self._view.collection.storage, crs)
        plain: list[Object] = orjson.loads(orjson.dumps(made, option=orjson.OPT_SERIALIZE_NUMPY))
        return plain

    def _hits(self, query: FeatureQuery) -> int:
        known = self._store.count(self._view, query, _ALL)
        if known is not None:
            return known
        every = replace(query, limit=_ALL, offset=0, order=(), columns=())
        return sum(len(batch) for batch in self._store.batches(self._view, every))

    def _target(self, spec: Any) -> Crs:
        """Return the CRS of the answer: pygeoapi gives no specification when it is the declared storage CRS."""
        if spec is None:
            return self._given
        target = _crs_of(get_crs(spec.target_crs_uri))
        return replace(target, swapped=False) if spec.always_xy else target

    def _box(self, bbox: Sequence[float]) -> Box | None:
        if not bbox:
            return None
        low, high = list(bbox[: len(bbox) // 2][:2]), list(bbox[len(bbox) // 2 :][:2])
        if self._given.swapped:
            low, high = low[::-1], high[::-1]
        return Box((low[0], low[1], high[0], high[1]), self._given)

    def _tests(self, datetime_: str | None, properties: Properties, q: str | None) -> list[Tree | None]:
        time = temporal_filter(parse_datetime(datetime_), self._view) if datetime_ else None
        equal = [equals(name, filters.parse_value(text, self._field(name))) for name, text in properties]
        return [time, *equal, filters.text_search(q, self._view) if q else None]

    def _filter(self, tree: Tree | None) -> Tree | None:
        if tree is None:
            return None
        storage = self._view.collection.storage
        return adopt(tree, self.geom, self._given, storage, lambda name: _crs_of(get_crs(name)))

    def _order(self, sortby: Sequence[Mapping[str, str]]) -> tuple[SortKey, ...]:
        known = {field.name for field in selection.sortables(self._view)}
        for key in sortby:
            if key["property"] not in known:
                raise InvalidParameter(f"'{key['property'][:80]}' is nothing to sort by.")
        return tuple(SortKey(key["property"], key.get("order") == "-") for key in sortby)

    def _field(self, name: str) -> Field:
        field = self._view.column(name)
        if field is None:
            raise InvalidParameter(f"There is no property '{name[:80]}'.")
        return field


def _opened(definition: Mapping[str, Any], names: Sequence[str]) -> tuple[Store, View, Writing]:
    """Return store and view, and how they are changed; ``names`` narrows the fields, as ``properties`` does."""
    try:
        source = source_of(definition)
        store, view = source.open()
        settings = source.editing()
    except OneMapError as error:
        raise ProviderConnectionError(f"{error.detail} {error.hint}".rstrip()) from error
    narrowed = replace(view, columns=view.only(names)) if names else view
    return store, narrowed, Writing(store, narrowed, settings, definition.get("editable") is True)


@contextmanager
def _answered() -> Iterator[None]:
    """Turn errors into those that pygeoapi answers: what the client did wrong is told, the rest is logged."""
    try:
        yield
    except ClientError as error:
        _refuse(error)
    except OneMapError as error:
        raise ProviderConnectionError(error.detail) from error


@contextmanager
def _written() -> Iterator[None]:
    """Turn errors of changes into those that pygeoapi answers with the same status and words."""
    try:
        yield
    except NotFound as error:
        raise ProviderItemNotFoundError(user_msg=error.detail) from error
    except OneMapError as error:
        raise _Refused(error) from error


class _Refused(ProviderGenericError):  # type: ignore[misc]
    """A change that cannot be made."""

    ogc_exception_code = "InvalidParameterValue"

    def __init__(self, error: OneMapError) -> None:
        place = error.extra.get("pointer")
        where = f"{place}: " if place else ""
        super().__init__(user_msg=f"{where}{error.detail} {error.hint}".rstrip())
        self.http_status_code = HTTPStatus(error.status)


def _refuse(error: ClientError) -> NoReturn:
    raise ProviderInvalidQueryError(user_msg=f"{error.detail} {error.hint}".rstrip()) from error


def _described(field: Field) -> Object:
    schema = property_schema(field, "en")
    kept = {key: value for key, value in schema.items() if key in ("type", "format")}
    return kept | ({"values": schema["enum"]} if "enum" in schema else {})


def _crs_of(crs: Any) -> Crs:
    """Return the system that a pyproj CRS stands for. Raises UnknownCrs."""
    authority, code = crs.to_authority() or ("", "")
    if authority == "OGC" and code in ("CRS84", "CRS84h"):
        return CRS84
    if authority != "EPSG":
        raise UnknownCrs(f"'{crs.name}' has no EPSG code.")
    return crs_from_srid(int(code))
