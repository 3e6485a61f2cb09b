"""CQL2 text to the filter tree: operator precedence as OR < AND < NOT < comparison < + - < * / % div < ^."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date

from pygeofilter import ast, values

from onemap.cql.instants import OPEN, backwards, parse_date, parse_instant, parse_timestamp
from onemap.cql.lexer import RESERVED, Cursor, Token, unescape
from onemap.cql.limits import MOST_DEPTH, MOST_ITEMS, check_bytes, check_tree
from onemap.cql.nodes import ARITHMETIC, COMPARISONS, FOLDS, PREDICATES, Tree, combine, like
from onemap.cql.wkt import read_bbox, read_geometry, starts_geometry

_OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _POWER, _UNARY = range(1, 9)
_LEVELS: Mapping[str, int] = {
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys(("NOT", "LIKE", "BETWEEN", "IN", "IS", *COMPARISONS), _COMPARE),
    **dict.fromkeys("+-", _ADD),
    **dict.fromkeys(("*", "/", "%", "DIV"), _MULTIPLY),
    "^": _POWER,
}
_CHAINS: Mapping[str, type[ast.Combination]] = {"AND": ast.And, "OR": ast.Or}
_CALLS = {name.upper(): kind for name, kind in {**PREDICATES, **FOLDS}.items()}
_ARRAY_CALLS = tuple(name for name in _CALLS if name.startswith("A_"))
_INT64 = range(-(2**63), 2**63)


def parse_text(text: str) -> Tree:
    """Return the tree of a filter in CQL2 text (OGC 21-065r2, Annex B).

    Raises InvalidParameter with the line and column of what is wrong, or when a limit is exceeded.
    """
    check_bytes(text)
    parser = _Parser(Cursor(text))
    tree = parser.condition()
    check_tree(tree)
    return tree


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._depth = 0

    def condition(self) -> Tree:
        """Read the whole filter."""
        if self._cursor.ended():
            self._cursor.fail("the filter is empty", "For example DLBM = '0101'.")
        tree = self._expression(0)
        if not self._cursor.ended():
            self._cursor.fail(f"{self._cursor.seen()} is not expected here", "Join conditions with AND or OR.")
        return tree

    def _expression(self, above: int) -> Tree:
        """Read an expression of operators that bind more tightly than ``above``."""
        self._enter()
        node = self._operators(self._prefix(), above)
        self._depth -= 1
        return node

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            self._cursor.fail(f"the filter is nested more than {MOST_DEPTH} deep")

    def _operators(self, left: Tree, above: int) -> Tree:
        level = self._level()
        while level > above:
            if level == _COMPARE:
                left = self._compare(left)
            elif level < _COMPARE:
                left = self._chain(left, level)
            else:
                left = self._arithmetic(left, level)
            level = self._level()
        return left

    def _level(self) -> int:
        token = self._cursor.token
        if token.kind == "op":
            return _LEVELS.get(token.text, 0)
        return _LEVELS.get(token.text.upper(), 0) if token.kind == "name" else 0

    def _chain(self, left: Tree, level: int) -> Tree:
        word = self._cursor.word()
        items = [left]
        while self._cursor.word() == word:
            self._cursor.advance()
            items.append(self._expression(level))
        return combine(_CHAINS[word], items)

    def _arithmetic(self, left: Tree, level: int) -> Tree:
        token = self._cursor.advance()
        right = self._expression(level)
        if level == _POWER and self._level() == _POWER:
            self._cursor.fail("a chain of '^' has no order in CQL2", "Write parentheses.")
        return ARITHMETIC[token.text.lower()](left, right)

    def _compare(self, left: Tree) -> Tree:
        node = self._predicate(left)
        while self._cursor.word() == "IS":
            node = self._is_null(node)
        if self._level() == _COMPARE:
            self._cursor.fail("comparisons cannot be chained", "Join two comparisons with AND.")
        return node

    def _predicate(self, left: Tree) -> Tree:
        token = self._cursor.token
        if token.text in COMPARISONS:
            self._cursor.advance()
            return COMPARISONS[token.text](left, self._expression(_COMPARE))
        word = self._cursor.word()
        if word == "IS":
            return left
        self._cursor.advance()
        if word != "NOT":
            return _OPERATORS[word](self, left)
        word = self._cursor.word()
        if word not in _OPERATORS:
            self._cursor.fail(f"LIKE, IN or BETWEEN is missing after NOT; {self._cursor.seen()} stands there")
        self._cursor.advance()
        return ast.Not(_OPERATORS[word](self, left))

    def _is_null(self, left: Tree) -> Tree:
        self._cursor.advance()
        negated = self._cursor.word() == "NOT"
        if negated:
            self._cursor.advance()
        if self._cursor.word() != "NULL":
            self._cursor.fail(f"NULL is missing after IS; {self._cursor.seen()} stands there", "Write IS NULL.")
        self._cursor.advance()
        test = ast.IsNull(left, not_=False)
        return ast.Not(test) if negated else test

    def _like(self, left: Tree) -> Tree:
        return like(left, self._expression(_COMPARE))

    def _between(self, left: Tree) -> Tree:
        low = self._expression(_COMPARE)
        if self._cursor.word() != "AND":
            self._cursor.fail(f"AND is missing after BETWEEN; {self._cursor.seen()} stands there")
        self._cursor.advance()
        return ast.Between(left, low, self._expression(_COMPARE), not_=False)

    def _in(self, left: Tree) -> Tree:
        self._cursor.expect("(", "after IN")
        return ast.In(left, self._items(lambda: self._expression(_COMPARE), "the list"), not_=False)

    def _items(self, read: Callable[[], Tree], where: str) -> list[Tree]:
        """Read what stands before a closing parenthesis, separated by commas."""
        items = [read()]
        while self._cursor.accept(","):
            if len(items) == MOST_ITEMS:
                self._cursor.fail(f"{where} has more than {MOST_ITEMS} items")
            items.append(read())
        self._cursor.expect(")", f"after {where}")
        return items

    def _prefix(self) -> Tree:
        token = self._cursor.token
        match token.kind:
            case "number":
                return self._number(1)
            case "text":
                return unescape(self._cursor.advance().text)
            case "quoted":
                return ast.Attribute(self._cursor.advance().text[1:-1].replace('""', '"'))
            case "name":
                return self._name()
        if token.text == "(":
            self._cursor.advance()
            node = self._expression(0)
            self._cursor.expect(")", "after the expression")
            return node
        if token.text in "+-" and token.kind == "op":
            return self._signed()
        return self._cursor.fail(f"a value or property is missing; {self._cursor.seen()} stands there")

    def _signed(self) -> Tree:
        sign = -1 if self._cursor.advance().text == "-" else 1
        if self._cursor.token.kind == "number":
            return self._number(sign)
        operand = self._expression(_UNARY)
        return ast.Mul(-1, operand) if sign < 0 else operand

    def _number(self, sign: int) -> int | float:
        token = self._cursor.advance()
        if token.text.isdecimal():
            whole = sign * int(token.text) if len(token.text) < 40 else 2**63
            if whole not in _INT64:
                hint = "Write it with a decimal point, or as a text in quotes."
                self._cursor.fail(f"the integer {token.text[:40]} has more than 64 bits", hint, token)
            return whole
        value = sign * float(token.text)
        if not math.isfinite(value):
            self._cursor.fail(f"the number {token.text[:40]} is too large", token=token)
        return value

    def _name(self) -> Tree:
        word = self._cursor.word()
        if word in _WORDS:
            return _WORDS[word](self)
        if word in RESERVED:
            hint = "To test for a missing value write IS NULL." if word == "NULL" else "A property is named in quotes."
            self._cursor.fail(f"the keyword {word} is not expected here", hint)
        if starts_geometry(self._cursor):
            return read_geometry(self._cursor)
        after = self._cursor.following()
        if after.kind != "op" or after.text != "(":
            return ast.Attribute(self._cursor.advance().text)
        return read_bbox(self._cursor) if word == "BBOX" else self._call(word)

    def _call(self, word: str) -> Tree:
        token = self._cursor.advance()
        self._cursor.advance()
        if word in _INSTANTS:
            return self._instant(word)
        if word == "INTERVAL":
            return self._interval(token)
        arguments = self._arguments(array=word in _ARRAY_CALLS)
        if word not in _CALLS:
            return ast.Function(token.text, arguments)
        wanted = 1 if word.lower() in FOLDS else 2
        if len(arguments) != wanted:
            self._cursor.fail(f"{word} takes {wanted} arguments, not {len(arguments)}", token=token)
        return _CALLS[word](*arguments)

    def _arguments(self, *, array: bool) -> list[Tree]:
        if self._cursor.accept(")"):
            return []
        return self._items(lambda: self._argument(array=array), "the arguments")

    def _argument(self, *, array: bool) -> Tree:
        """Read an argument. Parentheses are an array, except around one operation, or before an operator."""
        if not (self._cursor.token.kind == "op" and self._cursor.token.text == "("):
            return self._expression(0)
        self._enter()
        self._cursor.advance()
        items: list[Tree] = []
        if not self._cursor.accept(")"):
            items = self._items(lambda: self._argument(array=False), "the array")
        self._depth -= 1
        if len(items) == 1 and self._level():
            return self._operators(items[0], 0)
        grouped = len(items) == 1 and isinstance(items[0], ast.Condition | ast.Predicate | ast.Arithmetic)
        return items[0] if grouped and not array else items

    def _instant(self, word: str) -> Tree:
        value = _INSTANTS[word](self._string(word))
        if value is None:
            example = "DATE('2025-12-31')" if word == "DATE" else "TIMESTAMP('2025-12-31T08:00:00Z')"
            self._cursor.fail(f"{self._cursor.seen()} is not a {word.lower()} that exists", f"Write {example}.")
        self._cursor.advance()
        self._cursor.expect(")", f"after the {word.lower()}")
        return value

    def _string(self, word: str) -> str:
        if self._cursor.token.kind != "text":
            self._cursor.fail(f"{word} takes a text in quotes; {self._cursor.seen()} stands there")
        return unescape(self._cursor.token.text)

    def _interval(self, start: Token) -> Tree:
        ends = self._items(self._end, "the interval")
        if len(ends) != 2:
            self._cursor.fail(f"INTERVAL takes a start and an end, not {len(ends)} arguments", token=start)
        interval = values.Interval(*ends)
        if backwards(interval):
            self._cursor.fail("the interval ends before it starts", token=start)
        return interval

    def _end(self) -> Tree:
        if self._cursor.token.kind != "text":
            return self._expression(_COMPARE)
        text = self._string("INTERVAL")
        if text != OPEN and parse_instant(text) is None:
            hint = "Write '2025-12-31', '2025-12-31T08:00:00Z' or '..' for an open end."
            self._cursor.fail(f"{self._cursor.seen()} is no end of an interval", hint)
        self._cursor.advance()
        return None if text == OPEN else parse_instant(text)

    def _not(self) -> Tree:
        self._cursor.advance()
        return ast.Not(self._expression(_NOT))

    def _boolean(self) -> Tree:
        return self._cursor.advance().text.upper() == "TRUE"


_INSTANTS: Mapping[str, Callable[[str], date | None]] = {"DATE": parse_date, "TIMESTAMP": parse_timestamp}
_OPERATORS: Mapping[str, Callable[[_Parser, Tree], Tree]] = {
    "LIKE": _Parser._like,
    "BETWEEN": _Parser._between,
    "IN": _Parser._in,
}
_WORDS: Mapping[str, Callable[[_Parser], Tree]] = {
    "NOT": _Parser._not,
    "TRUE": _Parser._boolean,
    "FALSE": _Parser._boolean,
}
