"""The conformance classes of CQL2 1.0 that this package implements."""

CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
CQL2_TEXT = CQL2 + "cql2-text"
CQL2_JSON = CQL2 + "cql2-json"
BASIC_CQL2 = CQL2 + "basic-cql2"
ADVANCED_COMPARISON_OPERATORS = CQL2 + "advanced-comparison-operators"
CASE_INSENSITIVE_COMPARISON = CQL2 + "case-insensitive-comparison"
ACCENT_INSENSITIVE_COMPARISON = CQL2 + "accent-insensitive-comparison"
BASIC_SPATIAL_FUNCTIONS = CQL2 + "basic-spatial-functions"
BASIC_SPATIAL_FUNCTIONS_PLUS = CQL2 + "basic-spatial-functions-plus"
SPATIAL_FUNCTIONS = CQL2 + "spatial-functions"
TEMPORAL_FUNCTIONS = CQL2 + "temporal-functions"
ARRAY_FUNCTIONS = CQL2 + "array-functions"
PROPERTY_PROPERTY = CQL2 + "property-property"
FUNCTION_CALLS = CQL2 + "functions"
ARITHMETIC = CQL2 + "arithmetic"
CONFORMANCE = (
    CQL2_TEXT,
    CQL2_JSON,
    BASIC_CQL2,
    ADVANCED_COMPARISON_OPERATORS,
    CASE_INSENSITIVE_COMPARISON,
    ACCENT_INSENSITIVE_COMPARISON,
    BASIC_SPATIAL_FUNCTIONS,
    BASIC_SPATIAL_FUNCTIONS_PLUS,
    SPATIAL_FUNCTIONS,
    TEMPORAL_FUNCTIONS,
    ARRAY_FUNCTIONS,
    PROPERTY_PROPERTY,
    FUNCTION_CALLS,
    ARITHMETIC,
)
