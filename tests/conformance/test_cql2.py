"""OGC 21-065r2 (CQL2 1.0), Annex A: the abstract tests, on rows of our own, in both encodings and both databases.

The evaluation is tested here; that a server offers it (filter, filter-lang, filter-crs) belongs to OGC API Features.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from onemap.cql import check, describe_functions, parse_json, parse_text, place, write_json, write_text
from onemap.errors import InvalidParameter
from onemap.geo.crs import CRS84
from tests.conformance.cql2_data import ALL, COLUMNS, ROWS, TYPES, Find, finder, of_type, present
from tests.cql_engines import ENGINES

CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
TEXT = CQL2 + "cql2-text"
JSON = CQL2 + "cql2-json"
BASIC = CQL2 + "basic-cql2"
ADVANCED = CQL2 + "advanced-comparison-operators"
CASE = CQL2 + "case-insensitive-comparison"
ACCENT = CQL2 + "accent-insensitive-comparison"
PROPERTIES = CQL2 + "property-property"
FUNCTIONS = CQL2 + "functions"
ARITHMETIC = CQL2 + "arithmetic"
LITERALS = {
    "string": "'foo'",
    "boolean": "true",
    "number": "3.14",
    "integer": "1",
    "datetime": "TIMESTAMP('2022-04-14T14:48:46Z')",
    "date": "DATE('2022-04-14')",
}


@pytest.fixture(scope="module", params=list(ENGINES))
def find(request: pytest.FixtureRequest) -> Iterator[Find]:
    with ENGINES[request.param](COLUMNS, ROWS) as answer:
        yield finder(answer)


def scalars() -> list[tuple[str, str]]:
    return [(f'"{name}"', LITERALS[kind]) for name, kind in TYPES.items() if kind in LITERALS]


def complementary(find: Find, left: str, right: str, known: set[int]) -> None:
    """Check that each operator and its opposite divide the rows whose value is known."""
    for operator, opposite in (("=", "<>"), (">", "<="), ("<", ">=")):
        some, others = find(f"{left} {operator} {right}"), find(f"{left} {opposite} {right}")
        assert not some & others
        assert some | others == known


@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/basic-test")
def test_queryables_have_types() -> None:
    for name in TYPES:
        check(parse_text(f'"{name}" IS NULL'), COLUMNS)
    with pytest.raises(InvalidParameter, match="no property 'nome'"):
        check(parse_text("nome IS NULL"), COLUMNS)


@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/comparison")
def test_comparison(find: Find) -> None:
    for queryable, value in scalars():
        complementary(find, queryable, value, present(queryable))
    assert find("area = 3.14") == {2}
    assert find("founded < DATE('1978-12-18')") == {0}
    assert find("opens > TIMESTAMP('2021-12-31T23:59:58.999Z')") == {2, 5}


@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/is-null")
def test_is_null(find: Find) -> None:
    for name in TYPES:
        assert find(f'"{name}" IS NULL') == ALL - present(name)
        assert find(f'"{name}" is not null') == present(name)


@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/boolean")
def test_boolean(find: Find) -> None:
    assert find("true") == ALL
    assert find("false") == set()


@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/test-data")
def test_known_counts(find: Find) -> None:
    assert find("code = 440100000000000001") == {0}
    assert find("code > 440100000000000001") == {1}
    assert find("地名 = '云溪镇'") == {0}
    assert find("地名 >= 'a'") == {0, 1, 4, 6}
    assert find("open = false") == {1, 3, 7}
    assert find("founded = DATE('2000-02-29')") == {6}


@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/logical")
@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/logical")
@pytest.mark.abstract_test(CASE, "/conf/case-insensitive-comparison/logical")
@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/logical")
@pytest.mark.abstract_test(ARITHMETIC, "/conf/arithmetic/logical")
@pytest.mark.abstract_test(PROPERTIES, "/conf/property-property/logical")
def test_logical(find: Find) -> None:
    predicates = [
        "open = true",
        "people + 1 > 800",
        "CASEI(alias) LIKE casei('%A%')",
        "ACCENTI(alias) = 'AE'",
        "founded < surveyed",
    ]
    for p1, p2, p3, p4 in product(predicates, repeat=4):
        if len({p1, p2, p3, p4}) < 4:
            continue
        yes = [find(text) for text in (p1, p2, p3, p4)]
        no = [find(f"NOT ({text})") for text in (p1, p2, p3, p4)]
        expected = (no[1] & yes[0]) | (yes[2] & yes[3]) | (no[0] & no[3])
        assert find(f"(NOT ({p2}) AND {p1}) OR ({p3} and {p4}) or not ({p1} OR {p4})") == expected


@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/like")
def test_like(find: Find) -> None:
    for queryable in of_type("string"):
        assert find(f"{queryable} LIKE '%'") == find(f"{queryable} like '%%'") == present(queryable)
        assert not find(f"{queryable} like '_%'") & find(f"{queryable} like ''")
        find(rf"{queryable} like '\%\_'")
    assert find(r"地名 LIKE '%\%\_%'") == {3}
    assert find("地名 LIKE '__镇'") == {0}
    assert find("地名 LIKE 'f%'") == set()


@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/between")
def test_between(find: Find) -> None:
    for queryable in of_type("integer", "number"):
        expected = {n for n in present(queryable) if 0 <= ROWS[n][queryable.strip('"')] <= 100}
        assert find(f"{queryable} BETWEEN 0 AND 100") == expected
        assert find(f"{queryable} between 100.0 and 1.0") == set()


@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/in")
def test_in(find: Find) -> None:
    lists = {
        "integer": "(1, 2, 3)",
        "number": "(1, 2, 3)",
        "string": "('foo', 'bar')",
        "boolean": "(true)",
        "datetime": "('2022-04-14T14:48:46Z', '2022-04-14T15:52:56Z')",
        "date": "('2022-04-14', '2022-04-15')",
    }
    found = {name: find(f'"{name}" in {lists[kind]}') for name, kind in TYPES.items() if kind in lists}
    assert found == {
        "地名": set(),
        "alias": {5},
        "code": {2, 3, 4},
        "people": set(),
        "area": set(),
        "open": {0, 2, 5, 6},
        "founded": {2},
        "surveyed": {1, 3},
        "opens": {2},
        "closes": {2},
    }


@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/test-data")
def test_advanced_counts(find: Find) -> None:
    assert find("地名 NOT LIKE '%a%'") == {0, 1, 3, 4, 6, 7}
    assert find("people NOT BETWEEN 0 AND 1000") == {0, 4, 5}
    assert find("code NOT IN (1, 440100000000000002)") == {0, 3, 4, 5, 7}


@pytest.mark.abstract_test(CASE, "/conf/case-insensitive-comparison/casei")
def test_casei(find: Find) -> None:
    for queryable in of_type("string"):
        equal, unequal = find(f"CASEI({queryable}) = casei('foo')"), find(f"CASEI({queryable}) <> casei('FOO')")
        assert not equal & unequal
        assert equal | unequal == present(queryable)


@pytest.mark.abstract_test(CASE, "/conf/case-insensitive-comparison/casei-like")
def test_casei_like(find: Find) -> None:
    for queryable in of_type("string"):
        assert find(f"CASEI({queryable}) LIKE casei('foo%')") == find(f"CASEI({queryable}) LIKE casei('FOO%')")
    assert find("CASEI(地名) LIKE casei('FOO%')") == {5}


@pytest.mark.abstract_test(CASE, "/conf/case-insensitive-comparison/test-data")
def test_casei_counts(find: Find) -> None:
    assert find("CASEI(地名) = CASEI(alias)") == {2}
    assert find("CASEI(地名) IN (CASEI('STRASSE'), CASEI('fooBAR'))") == {2, 5}


@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/accenti")
def test_accenti(find: Find) -> None:
    for queryable in of_type("string"):
        equal = find(f"ACCENTI({queryable}) = accenti('äöüéáí')")
        assert not equal & find(f"ACCENTI({queryable}) <> accenti('aoueai')")


@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/accenti-like")
def test_accenti_like(find: Find) -> None:
    for queryable in of_type("string"):
        assert find(f"ACCENTI({queryable}) LIKE accenti('Ä%')") == find(f"ACCENTI({queryable}) LIKE accenti('A%')")
    assert find("ACCENTI(alias) LIKE accenti('Ä%')") == {4, 7}


@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/accenti-casei")
def test_accenti_casei(find: Find) -> None:
    for queryable in of_type("string"):
        one, other = (find(f"ACCENTI(CASEI({queryable})) = accenti(casei('{text}'))") for text in ("ÄÉ", "ae"))
        assert one == other
    assert find("ACCENTI(CASEI(alias)) = accenti(casei('ae'))") == {4}


@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/accenti-casei-like")
def test_accenti_casei_like(find: Find) -> None:
    for queryable in of_type("string"):
        one, other = (find(f"ACCENTI(CASEI({queryable})) LIKE accenti(casei('{text}'))") for text in ("Ä%", "a%"))
        assert one == other


@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/test-data")
def test_accenti_counts(find: Find) -> None:
    assert find("ACCENTI(CASEI(alias)) = accenti(casei('YUNXI'))") == {0, 1}


@pytest.mark.abstract_test(PROPERTIES, "/conf/property-property/comparison-value-property")
def test_value_property(find: Find) -> None:
    for queryable, value in scalars():
        complementary(find, value, queryable, present(queryable))


@pytest.mark.abstract_test(PROPERTIES, "/conf/property-property/comparison-property-property")
def test_property_property(find: Find) -> None:
    for queryable, _ in scalars():
        for operator in ("<>", "<", ">"):
            assert find(f"{queryable} {operator} {queryable}") == set()
        for operator in ("=", ">=", "<="):
            assert find(f"{queryable} {operator} {queryable}") == present(queryable)


@pytest.mark.abstract_test(PROPERTIES, "/conf/property-property/comparison-value-value")
def test_value_value(find: Find) -> None:
    for value in LITERALS.values():
        assert [find(f"{value} {operator} {value}") for operator in ("<>", "<", ">")] == [set()] * 3
        assert [find(f"{value} {operator} {value}") for operator in ("=", ">=", "<=")] == [ALL] * 3


@pytest.mark.abstract_test(PROPERTIES, "/conf/property-property/test-data")
def test_property_counts(find: Find) -> None:
    assert find("founded < surveyed") == {0, 1, 4, 5, 6, 7}
    assert find("'云溪镇' LIKE '云%'") == ALL
    assert find("people BETWEEN area AND code") == {0, 1}
    assert find("closes <= surveyed") == {1, 4}


@pytest.mark.abstract_test(ARITHMETIC, "/conf/arithmetic/arithmetic")
@pytest.mark.abstract_test(ARITHMETIC, "/conf/arithmetic/test-data")
def test_arithmetic(find: Find) -> None:
    assert find("people = 1000 + 2 * 100") == {0, 5}
    assert find("people / 5 = 2.4") == {6}
    assert find("people div 5 = 2") == {6}
    assert find("people % 5 = -2") == {4}
    assert find("people = 5 ^ 1") == {3}
    assert find("people / 0 IS NULL") == ALL
    assert find("code + 1 = 440100000000000002") == {0}
    assert find("-people = 7") == {4}


@pytest.mark.abstract_test(FUNCTIONS, "/conf/functions/functions")
def test_functions(find: Find) -> None:
    sample = {"string": "地名", "number": "area", "integer": "people", "datetime": "opens"}
    for function in describe_functions():
        arguments = ", ".join(sample[argument["type"][0]] for argument in function["arguments"])
        assert find(f"{function['name']}({arguments}) IS NOT NULL") <= ALL
    assert find("length(地名) = 3") == {0, 1, 4}
    assert find("year(founded) = 2021 AND month(opens) = 12") == {5}
    assert find("concat(upper(alias), '!') = 'FOO!'") == {5}
    assert find("round(area) = 3") == {2, 6}


@pytest.mark.abstract_test(TEXT, "/conf/cql2-text/escaping")
def test_escaping(find: Find) -> None:
    assert find(r"地名 = 'bell\a\b\t\n\v\f\rend'") == {6}
    assert find("alias = 'it''s'") == find(r"alias = 'it\'s'") == {3}


@pytest.mark.abstract_test(TEXT, "/conf/cql2-text/validate")
@pytest.mark.abstract_test(JSON, "/conf/cql2-json/validate")
def test_both_encodings_say_the_same() -> None:
    for text in (
        "NOT (a = 1 OR b = 2) AND c IN ('x', 'y')",
        "S_WITHIN(g, BBOX(170, -10, -170, 10)) OR T_MEETS(INTERVAL(a, '..'), INTERVAL('..', '2024-01-01'))",
        "A_CONTAINS(l, ('a', 1, TRUE)) AND casei(n) LIKE casei('a\\%%') AND f(x, 2 ^ 3) > -1.5",
    ):
        tree = parse_text(text)
        document: Any = write_json(tree)
        assert parse_text(write_text(parse_json(json.dumps(document)))) == tree


def test_a_position_that_does_not_exist_is_refused() -> None:
    for text in ("POINT(90 180)", "MULTIPOINT(7.02 49.92, 90 180)"):
        with pytest.raises(InvalidParameter, match="latitude 180"):
            place(parse_text(f"S_INTERSECTS(geom, {text})"), CRS84, CRS84)
