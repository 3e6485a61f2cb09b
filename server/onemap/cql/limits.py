"""What a filter may cost, checked before anything recursive sees it."""

from __future__ import annotations

import re

from onemap.cql.nodes import Tree, children
from onemap.errors import InvalidParameter

MOST_BYTES = 262_144
MOST_NODES = 4_000
MOST_DEPTH = 40
MOST_TREE_DEPTH = 100
MOST_ITEMS = 1_000
MOST_VERTICES = 10_000
MOST_PATTERN = 1_000
_JSON_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_MOST_JSON_DEPTH = 3 * MOST_DEPTH


def check_bytes(text: str) -> None:
    """Refuse a filter that is too long, or that holds what is not Unicode text. Raises InvalidParameter."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidParameter(f"The filter holds half of a surrogate pair at character {error.start + 1}.") from None
    if size > MOST_BYTES:
        raise InvalidParameter(f"The filter has {size} bytes; at most {MOST_BYTES} are accepted.")
    if "\x00" in text:
        raise InvalidParameter(f"The filter holds a NUL character at character {text.index(chr(0)) + 1}.")


def check_json_depth(text: str) -> None:
    """Refuse JSON text that is nested too deeply. Raises InvalidParameter."""
    if text.count("{") + text.count("[") <= _MOST_JSON_DEPTH:
        return
    depth = 0
    for match in _JSON_NESTING.finditer(text):
        mark = text[match.start()]
        depth += (mark in "[{") - (mark in "]}")
        if depth > _MOST_JSON_DEPTH:
            raise InvalidParameter(
                f"The filter is nested more than {_MOST_JSON_DEPTH} deep at character {match.start() + 1}."
            )


def check_tree(tree: Tree) -> None:
    """Refuse a tree of too many nodes, or one that is too deep. Raises InvalidParameter."""
    count, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MOST_NODES:
            raise InvalidParameter(f"The filter has more than {MOST_NODES} parts.", "Split it into several requests.")
        if depth > MOST_TREE_DEPTH:
            raise InvalidParameter(f"The filter is nested more than {MOST_TREE_DEPTH} deep.")
        waiting += [(child, depth + 1) for child in children(node)]
