"""OGC API Features Part 4 (draft): create, replace, update and delete features."""

from __future__ import annotations

from onemap.block import GEOJSON, Endpoint, Parameter, Response
from onemap.features.edit.params import FEATURE_TYPES, PATCH_TYPES
from onemap.features.edit.routes import EditRoutes
from onemap.features.parameters import COLLECTION_ID, CRS, FEATURE_ID

__all__ = ["EditRoutes", "endpoints"]

_TEXT = {"type": "string"}
_FEATURE = {"$ref": "#/components/schemas/feature"}
_COLLECTION = {"$ref": "#/components/schemas/featureCollection"}
_CONTENT_CRS = Parameter(
    "Content-Crs",
    _TEXT,
    "CRS of the coordinates in the body, one of the collection's `crs` list; default CRS84.",
    "header",
)
_PREFER = Parameter("Prefer", _TEXT, "`return=representation` asks for the feature in the answer.", "header")
_IF_MATCH = Parameter(
    "If-Match", _TEXT, "Entity tag of the state that is meant; another state is left as it is.", "header"
)
_SINCE = Parameter(
    "If-Unmodified-Since",
    _TEXT,
    "The Last-Modified of the state that is meant; counts where there is no If-Match, and is passed over for features "
    "of which no Last-Modified is told.",
    "header",
)
_NONE_MATCH = Parameter(
    "If-None-Match", _TEXT, "Entity tags of states that are not to be changed, `*` for any: then nothing is.", "header"
)
_CONDITIONS = (_IF_MATCH, _SINCE, _NONE_MATCH)
_EITHER = {"oneOf": [_FEATURE, _COLLECTION]}
_PATCH = {"type": "object"}
_IDS = {
    "type": "object",
    "required": ["ids"],
    "properties": {
        "ids": {"type": "array", "items": {"oneOf": [_TEXT, {"type": "integer"}]}},
        "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
    },
}
_DONE = Response("Done; the ETag is that of the new state.", status=204)
_SHOWN = Response("Done; the feature as it now is.", _FEATURE)
_ONE_PROBLEMS = (403, 409, 412, 428)


def endpoints(routes: EditRoutes, identifier: str | None = None) -> tuple[Endpoint, ...]:
    """Return the endpoints: of any collection (a path template), or spelled out for one."""
    own = () if identifier else (COLLECTION_ID,)
    prefix = identifier or "collection"
    items = f"/collections/{identifier or '{collectionId}'}/items"
    item, one = f"{items}/{{featureId}}", (*own, FEATURE_ID)
    changing = (*one, CRS, _CONTENT_CRS, _PREFER, *_CONDITIONS)
    feature = dict.fromkeys(FEATURE_TYPES, _FEATURE)
    features = dict.fromkeys(FEATURE_TYPES, _EITHER)
    patch = dict.fromkeys(PATCH_TYPES, _PATCH)
    several = Response("Created, all in one transaction: their ids, or the features.", {"oneOf": [_IDS, _COLLECTION]})
    return (
        Endpoint(items, routes.create, f"{prefix}.createItems", "Create features", (GEOJSON,),
                 (*own, CRS, _CONTENT_CRS, _PREFER), "POST", Response("Created, at Location.", _FEATURE, 201),
                 "features", body=features, allowed=routes.allowed, others=(several,), problems=(403, 409)),
        Endpoint(item, routes.replace, f"{prefix}.replaceItem", "Replace a feature", (GEOJSON,), changing, "PUT",
                 _DONE, "features", body=feature, allowed=routes.allowed, others=(_SHOWN,), problems=_ONE_PROBLEMS),
        Endpoint(item, routes.update, f"{prefix}.updateItem", "Change a feature", (GEOJSON,), changing, "PATCH",
                 _DONE, "features", body=patch, allowed=routes.allowed, others=(_SHOWN,), problems=_ONE_PROBLEMS),
        Endpoint(item, routes.delete, f"{prefix}.deleteItem", "Delete a feature", (GEOJSON,), (*one, *_CONDITIONS),
                 "DELETE", _DONE, "features", allowed=routes.allowed, problems=_ONE_PROBLEMS),
    )  # fmt: skip
