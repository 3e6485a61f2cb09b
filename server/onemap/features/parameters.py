"""The parameters of items requests as the OpenAPI document describes them."""

from __future__ import annotations

from onemap.block import Parameter
from onemap.config import Limits
from onemap.features import encode
from onemap.features.profiles import PROFILE
from onemap.query import filters, selection
from onemap.query.parameters import DATETIME, property_parameters
from onemap.store import View

_URI = {"type": "string", "format": "uri"}
COLLECTION_ID = Parameter("collectionId", {"type": "string"}, "Identifier of a collection.", "path")
FEATURE_ID = Parameter("featureId", {"type": "string"}, "Identifier of a feature.", "path")
BBOX = Parameter(
    "bbox",
    {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    "Only features that meet this box: lower corner, upper corner, in the axis order of `bbox-crs` "
    "(default CRS84: longitude, latitude). Two more numbers for heights are accepted. A box whose first "
    "longitude is greater than its second crosses the antimeridian.",
)
_LIMIT = (
    "Most features in the answer; a larger value is cut to the maximum: {page:,} in pages (GeoJSON, JSON-FG, HTML), "
    "{download:,} in files to download (CSV, GeoPackage, ...). Files without it hold the whole result, with it a part "
    "of it and a Link header to the next part; the default is that of pages."
)
NEXT = Parameter("next", {"type": "string"}, "Token of the next page; follow the `next` link.")
OFFSET = Parameter("offset", {"type": "integer", "minimum": 0, "default": 0}, "Features to pass over.")
BBOX_CRS = Parameter("bbox-crs", _URI, "CRS of `bbox`, one of the collection's `crs` list.")
CRS = Parameter("crs", _URI, "CRS of the coordinates, one of the collection's `crs` list; default CRS84.")


def items_parameters(limits: Limits, view: View | None) -> tuple[Parameter, ...]:
    """Return the query parameters of a collection's items; those of its queryables where a view is given."""
    own = (BBOX, BBOX_CRS, _limit(limits), DATETIME, CRS, OFFSET, NEXT, PROFILE)
    shared = (*own, *filters.PARAMETERS, *selection.PARAMETERS, *encode.PARAMETERS)
    return shared if view is None else (*shared, *property_parameters(view, {item.name for item in shared}))


def _limit(limits: Limits) -> Parameter:
    """Return the parameter; its maximum is that of any answer (17-069r4, /req/core/fc-limit-response-1)."""
    default, most = min(limits.page_default, limits.page_max), max(limits.page_max, limits.download_max)
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter("limit", schema, _LIMIT.format(page=limits.page_max, download=limits.download_max))
