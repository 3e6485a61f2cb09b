"""CASEI and ACCENTI against Unicode's own rules, and LIKE patterns."""

from __future__ import annotations

import os
import sys
import unicodedata

import pytest

from onemap.cql import POSTGIS
from onemap.cql.dialects import Piece
from onemap.cql.folding import accenti, casei
from onemap.cql.patterns import as_glob, as_like

CHARACTERS = [
    chr(code)
    for code in range(1, sys.maxunicode + 1)
    if not 0xD800 <= code < 0xE000 and unicodedata.category(chr(code)) != "Cn"
]


def classes(fold: object) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for mark in CHARACTERS:
        found.setdefault(fold(mark), set()).add(mark)  # type: ignore[operator]
    return {frozenset(members) for members in found.values()}


def test_casei_is_full_case_folding_but_for_the_dotless_i() -> None:
    assert classes(casei) ^ classes(str.casefold) == {frozenset("Ii"), frozenset("ı"), frozenset("Iiı")}
    for text in ("Straße", "ΟΔΟΣ Οδός", "ﬁﬂ ŉ ẞ", "İstanbul", "ЁЛКА"):
        assert casei(text) == casei(text.casefold()) == casei(casei(text))


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Chișinău", "Chisinau"),
        ("がぱ", "がぱ"),
        ("한국어", "한국어"),
        ("耕地", "耕地"),
        ("שָׁלוֹם", "שלום"),
        ("Ångström", "Angstrom"),
    ],
)
def test_accenti(text: str, bare: str) -> None:
    for form in ("NFC", "NFD"):
        assert accenti(unicodedata.normalize(form, text)) == bare  # type: ignore[arg-type]


@pytest.mark.parametrize("accents", [False, True])
def test_postgresql_folds_every_character_alike(accents: bool) -> None:
    dsn = os.environ.get("ONEMAP_TEST_POSTGIS")
    if not dsn:
        pytest.skip("ONEMAP_TEST_POSTGIS names no database")
    psycopg = pytest.importorskip("psycopg")
    fold = POSTGIS.fold(accents, Piece("x", (), "string"))
    texts = [f"a{mark}b" for mark in CHARACTERS]
    with psycopg.connect(dsn) as connection:
        sql = f"SELECT x, {fold.text} FROM unnest(%s::text[]) AS t(x)"
        rows = connection.execute(sql, [*fold.values, texts]).fetchall()
    python = accenti if accents else casei
    assert [(text, found) for text, found in rows if found != python(text)] == []


def test_patterns() -> None:
    assert as_glob(r"100\%_[a]*?%%x\\") == r"100%?[[]a][*][?]*x" + "\\"
    assert as_like(r"100\%_[a]*?%%x\a" + "\\") == r"100\%_[a]*?%xa" + "\\\\"
