"""The 15 temporal comparisons (/req/temporal-functions/temporal-functions), as comparisons of starts and ends.

Intervals are closed. Two ends are compared at the coarser of their granularities: a timestamp and a date by days in
UTC. An open end ('..') lies before or after every instant and equals another open end of the same side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pygeofilter import ast

from onemap.cql.nodes import TimeIntersects

Side = Literal["s1", "e1", "s2", "e2"]


class Test(NamedTuple):
    """A comparison of two ends: start or end of the first or second time."""

    left: Side
    op: Literal["<", ">", "=", "<=", ">="]
    right: Side


_SAME_START, _SAME_END = Test("s1", "=", "s2"), Test("e1", "=", "e2")
_STARTS_LATER, _STARTS_EARLIER = Test("s1", ">", "s2"), Test("s1", "<", "s2")
_ENDS_LATER, _ENDS_EARLIER = Test("e1", ">", "e2"), Test("e1", "<", "e2")
_AFTER, _BEFORE = Test("s1", ">", "e2"), Test("e1", "<", "s2")
ANY = (ast.TimeDisjoint,)
RULES: Mapping[type[ast.Node], tuple[Test, ...]] = {
    ast.TimeAfter: (_AFTER,),
    ast.TimeBefore: (_BEFORE,),
    ast.TimeDisjoint: (_BEFORE, _AFTER),
    ast.TimeEquals: (_SAME_START, _SAME_END),
    TimeIntersects: (Test("s1", "<=", "e2"), Test("e1", ">=", "s2")),
    ast.TimeContains: (_STARTS_EARLIER, _ENDS_LATER),
    ast.TimeDuring: (_STARTS_LATER, _ENDS_EARLIER),
    ast.TimeEndedBy: (_STARTS_EARLIER, _SAME_END),
    ast.TimeEnds: (_STARTS_LATER, _SAME_END),
    ast.TimeMeets: (Test("e1", "=", "s2"),),
    ast.TimeMetBy: (Test("s1", "=", "e2"),),
    ast.TimeOverlappedBy: (_STARTS_LATER, Test("s1", "<", "e2"), _ENDS_LATER),
    ast.TimeOverlaps: (_STARTS_EARLIER, Test("e1", ">", "s2"), _ENDS_EARLIER),
    ast.TimeBegunBy: (_SAME_START, _ENDS_LATER),
    ast.TimeBegins: (_SAME_START, _ENDS_EARLIER),
}
