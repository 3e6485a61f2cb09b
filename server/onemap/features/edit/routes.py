"""Create, replace, update and delete features. Each handler: parse, ask, encode, respond."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio.to_thread
import numpy as np
import orjson
import shapely

from onemap.block import Call, Content, Document, Principal, Reply
from onemap.block.conditional import entity_tag
from onemap.block.links import link
from onemap.block.strict import parse_json
from onemap.config import EditingSettings
from onemap.errors import Forbidden, NotFound
from onemap.features.crs import content_crs
from onemap.features.edit.body import patches_coordinates, read_creation, read_patch, read_replacement
from onemap.features.edit.params import FEATURE_TYPES, PATCH_TYPES, EditRequest, parse_edit, require_match
from onemap.features.edit.shape import ShapeReader
from onemap.features.modified import last_modified
from onemap.geo.crs import Crs, crs_from_srid, transform
from onemap.security import Gate
from onemap.store import Batch, Edit, View, WritableStore, feature_state

Represent = Callable[[Call, View, Batch, Crs], dict[str, Any]]


class EditRoutes:
    """The handlers of OGC API Features Part 4 (draft). ``represent`` makes the document of a feature, as GET does."""

    def __init__(self, gate: Gate, settings: EditingSettings, represent: Represent) -> None:
        self._gate = gate
        self._settings = settings
        self._represent = represent

    def allowed(self, principal: Principal, path: Mapping[str, str]) -> bool:
        """Whether a principal may change features of the collection that a path names."""
        try:
            view = self._gate.view(principal, path["collectionId"])
        except NotFound:
            return False
        return self._gate.editable(principal, view)

    async def create(self, call: Call) -> Reply:
        """Create a feature, or several in one transaction."""
        return await anyio.to_thread.run_sync(self._create, call)

    async def replace(self, call: Call) -> Reply:
        """Replace a feature."""
        return await anyio.to_thread.run_sync(self._replace, call)

    async def update(self, call: Call) -> Reply:
        """Change parts of a feature (RFC 7396)."""
        return await anyio.to_thread.run_sync(self._update, call)

    async def delete(self, call: Call) -> Reply:
        """Delete a feature."""
        return await anyio.to_thread.run_sync(self._delete, call)

    def _create(self, call: Call) -> Reply:
        view, store = self._open(call)
        request = parse_edit(call, view, FEATURE_TYPES)
        shapes = self._shapes(view, store, request)
        creation = read_creation(parse_json(call.body), view, shapes, self._settings.max_features)
        made = store.edit(view, creation.edits)
        if creation.batch:
            return self._batch(call, view, made, request)
        data, tag = self._document(call, view, made[0], request)
        headers = {"Location": _address(call, view, made[0]), "ETag": tag, **request.applied}
        headers |= last_modified(made[0].modified)
        if request.preference != "representation":
            return Content(b"", call.format.media_type, 201, headers)
        return Document(data, status=201, headers=headers | content_crs(request.crs))

    def _replace(self, call: Call) -> Reply:
        view, store, request = self._change(call, FEATURE_TYPES)
        shapes = self._shapes(view, store, request)
        edit = read_replacement(parse_json(call.body), view, shapes, call.path["featureId"], request)
        return self._changed(call, view, store.edit(view, [edit])[0], request)

    def _update(self, call: Call) -> Reply:
        view, store, request = self._change(call, PATCH_TYPES)
        data, key = parse_json(call.body), call.path["featureId"]
        now = _present_type(store.feature(view, key)) if patches_coordinates(data, view) else None
        edit = read_patch(data, view, self._shapes(view, store, request), key, request, now)
        return self._changed(call, view, store.edit(view, [edit])[0], request)

    def _delete(self, call: Call) -> Reply:
        view, store, request = self._change(call, ())
        store.edit(view, [Edit("delete", call.path["featureId"], **request.condition)])
        return Content(b"", call.format.media_type, 204)

    def _open(self, call: Call) -> tuple[View, WritableStore]:
        view = self._gate.view(call.principal, call.path["collectionId"])
        return view, self._gate.writable(call.principal, view)

    def _change(self, call: Call, types: tuple[str, ...]) -> tuple[View, WritableStore, EditRequest]:
        """Return what a change of an existing feature needs."""
        view, store = self._open(call)
        request = parse_edit(call, view, types)
        if request.since is not None and store.modified(view, call.path["featureId"]) is None:
            request = replace(request, since=None)  # no date to compare with: to be ignored (RFC 9110, 13.1.4)
        if self._settings.require_match:
            require_match(request)
        return view, store, request

    def _shapes(self, view: View, store: WritableStore, request: EditRequest) -> ShapeReader:
        return ShapeReader(view, request.body_crs, self._settings.max_vertices, coverage_of(view, store))

    def _changed(self, call: Call, view: View, batch: Batch, request: EditRequest) -> Reply:
        data, tag = self._document(call, view, batch, request)
        if request.preference != "representation":
            headers = {"ETag": tag, **request.applied, **last_modified(batch.modified)}
            return Content(b"", call.format.media_type, 204, headers)
        headers = content_crs(request.crs) | request.applied | last_modified(batch.modified)
        return Document(data, headers=headers, state=feature_state(batch))

    def _document(self, call: Call, view: View, batch: Batch, request: EditRequest) -> tuple[dict[str, Any], str]:
        """Return the document of a feature with the entity tag that it has at its own address."""
        path = f"/collections/{view.collection.id}/items/{batch.keys[0]}"
        data = self._represent(replace(call, links=replace(call.links, here=path)), view, batch, request.crs)
        return data, entity_tag(orjson.dumps(data), feature_state(batch))

    def _batch(self, call: Call, view: View, made: Sequence[Batch], request: EditRequest) -> Reply:
        """Answer the ids of the features created, in the order of the request, or the features themselves."""
        if request.preference == "representation":
            features = [self._document(call, view, batch, request)[0] for batch in made]
            data: dict[str, Any] = {"type": "FeatureCollection", "features": features, "numberReturned": len(made)}
            return Document(data, headers=content_crs(request.crs) | request.applied)
        links = [link(_address(call, view, batch), "item", call.format.media_type) for batch in made]
        ids = [batch.keys[0] for batch in made]
        return Document({"ids": ids, "links": links}, headers=request.applied, media_type="application/json")


def _address(call: Call, view: View, batch: Batch) -> str:
    return call.links.to("collections", view.collection.id, "items", batch.keys[0])


def _present_type(batch: Batch) -> str | None:
    geometry = batch.geometries[0] if len(batch) else None
    return None if geometry is None else str(geometry.geom_type)


def coverage_of(view: View, store: WritableStore) -> shapely.Geometry | None:
    """Return the declared extent of validity in x, y of the storage CRS. Raises Forbidden when it cannot be found."""
    declared = view.collection.coverage
    if declared is None:
        return None
    found = store.coverage(declared)
    if found is None:
        raise Forbidden(f"The extent that '{view.collection.id}' covers is declared, but cannot be found.")
    geometry, srid = found
    return transform(np.array([geometry], dtype=object), crs_from_srid(srid), view.collection.storage)[0]
