"""Tokens of CQL2 text (OGC 21-065r2, Annex B), and a cursor over them that says where something is wrong."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, NoReturn

from onemap.cql.nodes import GEOMETRY_TYPES, NAMES
from onemap.errors import InvalidParameter

Kind = Literal["number", "name", "quoted", "text", "op", "end"]
_START = (
    ":_A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1ffe\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_PART = _START + ".0-9\u0300-\u036f\u203f-\u2040"
_SPACE = "\\t\\n\\x0b\\x0c\\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
IDENTIFIER = re.compile(f"[{_START}][{_PART}]*")
_TOKEN = re.compile(
    rf"[{_SPACE}]*+(?:"
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<name>[{_START}][{_PART}]*)"
    r"|(?P<op><>|<=|>=|[=<>+\-*/%^(),])"
    r"|(?P<text>'(?:[^'\\]|''|\\.)*+')"
    r'|(?P<quoted>"(?:[^"]|"")*+")'
    r"|(?P<end>\Z))",
    re.DOTALL,
)
_ESCAPE = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "'": "'", "\\": "\\"}
RESERVED = frozenset({"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE", "DIV"})
_CALLS = ("DATE", "TIMESTAMP", "INTERVAL", "BBOX", "EMPTY", *GEOMETRY_TYPES, *map(str.upper, NAMES.values()))
RESERVED_CALLS = RESERVED | set(_CALLS)


class Token(NamedTuple):
    """A token and the offset of its first character."""

    kind: Kind
    text: str
    at: int


class Cursor:
    """Read tokens one after the other."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = _tokens(source)
        self._next = 0
        self.token = self._tokens[0]

    def advance(self) -> Token:
        """Return the current token and go to the next."""
        token = self.token
        if self._next < len(self._tokens) - 1:
            self._next += 1
        self.token = self._tokens[self._next]
        return token

    def following(self) -> Token:
        """Return the token after the current one."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind == "end"

    def accept(self, op: str) -> bool:
        """Pass over an operator if it is the current token."""
        found = self.token.kind == "op" and self.token.text == op
        if found:
            self.advance()
        return found

    def expect(self, op: str, where: str) -> None:
        """Pass over an operator. Raises InvalidParameter when it is not the current token."""
        if not self.accept(op):
            self.fail(f"'{op}' is missing {where}; {self.seen()} stands there", "")

    def word(self) -> str:
        """Return the current token in upper case when it is an unquoted name, else an empty text."""
        return self.token.text.upper() if self.token.kind == "name" else ""

    def seen(self) -> str:
        """Return the current token as a message names it."""
        return "the end of the filter" if self.ended() else f"'{self.token.text[:40]}'"

    def fail(self, detail: str, hint: str = "", token: Token | None = None) -> NoReturn:
        """Raise InvalidParameter for a token, the current one unless another is given."""
        fail_at(self._source, (token or self.token).at, detail, hint)


def fail_at(source: str, at: int, detail: str, hint: str = "") -> NoReturn:
    """Raise InvalidParameter with the line and column of an offset."""
    line, column = source.count("\n", 0, at) + 1, at - (source.rfind("\n", 0, at) + 1) + 1
    raise InvalidParameter(f"The filter is not CQL2 text: line {line}, column {column}: {detail}.", hint)


def _tokens(source: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while True:
        match = _TOKEN.match(source, at)
        if match is None:
            _refuse(source, at)
        kind: Kind = match.lastgroup  # type: ignore[assignment]
        found.append(Token(kind, match[kind], match.start(kind)))
        if kind == "end":
            return found
        at = match.end()


def _refuse(source: str, at: int) -> NoReturn:
    at += len(source[at:]) - len(source[at:].lstrip())
    mark = source[at]
    if mark in "'\"":
        kind = "text" if mark == "'" else "name"
        fail_at(source, at, f"the {kind} that begins here has no closing {mark}", f"Double a {mark} inside it.")
    if mark == "!":
        fail_at(source, at, "'!' is not an operator", "Write <> for 'not equal'.")
    fail_at(source, at, f"the character '{mark}' has no meaning here")


def unescape(text: str) -> str:
    """Return the value of a character literal, quotation marks included (/req/cql2-text/escaping).

    A backslash before any other character than those of the requirement stays, as LIKE patterns need it.
    """
    inner = text[1:-1]
    return _ESCAPE.sub(_unescaped, inner) if "'" in inner or "\\" in inner else inner


def _unescaped(match: re.Match[str]) -> str:
    mark = match[1]
    return "'" if mark is None else _ESCAPES.get(mark, match[0])
