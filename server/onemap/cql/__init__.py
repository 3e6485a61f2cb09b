"""Filters: one tree (pygeofilter's AST) and its compilation to SQL with bound parameters."""

from onemap.cql.sql import compile_filter
from onemap.cql.tree import all_of, any_of, at_least, at_most, equals, is_null

__all__ = ["all_of", "any_of", "at_least", "at_most", "compile_filter", "equals", "is_null"]
