"""The catalogue: what collections there are and what is known of each."""

from onemap.catalog.codes import CodeList, load_codes
from onemap.catalog.declare import (
    CatalogueDeclaration,
    CollectionDeclaration,
    CoverageDeclaration,
    FieldDeclaration,
    collect,
    read_declarations,
)
from onemap.catalog.model import Collection, Coverage, Field, FieldType, Kind, TableInfo
from onemap.catalog.registry import Registry
from onemap.catalog.schema import property_schema, type_schema

__all__ = [
    "CatalogueDeclaration",
    "CodeList",
    "Collection",
    "CollectionDeclaration",
    "Coverage",
    "CoverageDeclaration",
    "Field",
    "FieldDeclaration",
    "FieldType",
    "Kind",
    "Registry",
    "TableInfo",
    "collect",
    "load_codes",
    "property_schema",
    "read_declarations",
    "type_schema",
]
