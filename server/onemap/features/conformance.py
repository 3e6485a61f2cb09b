"""The conformance classes of the block: Features Parts 1 to 4 and 8, Common Part 3, CQL2, JSON-FG."""

from onemap import cql
from onemap.features.encode.jsonfg import CONFORMANCE as JSONFG_CONFORMANCE
from onemap.features.profiles import CONFORMANCE as PROFILES

_FILTERING = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
_SCHEMAS = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/"
_SCHEMA_CLASSES = ("schemas", "advanced-property-roles", "returnables-and-receivables", "queryables", "sortables")
_SORTING = "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/"
_EDITING = "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/"
EDITING = tuple(_EDITING + name for name in ("create-replace-delete", "update", "features", "optimistic-locking-etags"))
"""The classes of Part 4 (draft), where the zone lets anybody edit."""
_CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
CONFORMANCE = (
    _CORE + "core",
    _CORE + "oas30",
    _CORE + "html",
    _CORE + "geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    *(_FILTERING + name for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")),
    *(_SCHEMAS + name for name in _SCHEMA_CLASSES),
    *(_SORTING + name for name in ("sortables", "sorting", "features-sorting")),
    *cql.CONFORMANCE,
    *JSONFG_CONFORMANCE,
    *PROFILES,
)
