"""The form of the items page as plain requests: what it sends becomes parameters of the API, which fill it in again."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

ITEMS = "/collections/dltb/items"
PAGE = {"Accept": "text/html"}


def sent(client: TestClient, query: dict[str, str | list[str]]) -> dict[str, str]:
    """Return the parameters that a request of the form is led to."""
    answer = client.get(ITEMS, params=query, headers=PAGE, follow_redirects=False)
    assert answer.status_code == 303, answer.text[:400]
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.mark.parametrize(
    ("name", "op", "value", "upto", "text"),
    [
        ("DLBM", "ne", "0101", "", "DLBM <> '0101'"),
        ("DLBM", "starts", "01", "", "DLBM LIKE '01%'"),
        ("DLMC", "contains", "50%_\\", "", "CASEI(DLMC) LIKE CASEI('%50\\\\%\\\\_\\\\\\\\%')"),
        ("DLMC", "contains", "it's", "", "CASEI(DLMC) LIKE CASEI('%it''s%')"),
        ("TBMJ", "between", "100", "200.5", "TBMJ BETWEEN 100 AND 200.5"),
        ("TBMJ", "between", "", "200", "TBMJ <= 200"),
        ("SJNF", "ne", "-3", "", "SJNF <> -3"),
        ("BZ", "null", "", "", "BZ IS NULL"),
        ("BZ", "some", "", "", "NOT (BZ IS NULL)"),
    ],
)
def test_a_condition_becomes_a_filter_and_comes_back(
    client: TestClient, name: str, op: str, value: str, upto: str, text: str
) -> None:
    fields = {f"where.{name}.{part}": item for part, item in (("op", op), ("value", value), ("upto", upto))}
    assert sent(client, {**fields, "q": "", "filter": ""}) == {"filter": text}
    page = client.get(ITEMS, params={"filter": text}, headers=PAGE)
    assert page.status_code == 200
    assert '<textarea name="filter"' in page.text
    assert 'autocapitalize="off"' in page.text
    # What has a field of its own is not in the text beside it, and is sent again as it was.
    assert ">CQL2 <" not in page.text
    assert f'<option value="{op}" selected>' in page.text


def test_an_equal_value_is_a_parameter_and_what_is_there_is_kept(client: TestClient) -> None:
    query = {"where.DLBM.op": "eq", "where.DLBM.value": "0101", "sortby": "-TBMJ", "limit": "20", "next": "x", "q": ""}
    assert sent(client, query) == {"DLBM": "0101", "sortby": "-TBMJ", "limit": "20"}


def test_chosen_columns_are_joined_and_all_of_them_are_none(client: TestClient) -> None:
    assert sent(client, {"properties": ["DLBM", "TBMJ"]}) == {"properties": "DLBM,TBMJ"}
    schema = client.get("/collections/dltb/schema", params={"f": "json"}).json()
    names = [name for name in schema["properties"] if name not in ("geom", "fid")]
    assert sent(client, {"properties": names}) == {}


def test_a_text_beside_conditions_holds_with_them(client: TestClient) -> None:
    fields = {"where.DLBM.op": "starts", "where.DLBM.value": "01", "filter": "TBMJ > 5 OR TBMJ < 1"}
    asked = sent(client, fields)
    assert asked == {"filter": "DLBM LIKE '01%' AND (TBMJ > 5 OR TBMJ < 1)"}
    assert "TBMJ &gt; 5 OR TBMJ &lt; 1</textarea>" in client.get(ITEMS, params=asked, headers=PAGE).text


def test_a_filter_in_json_stays_what_it_is(client: TestClient) -> None:
    text = '{"op":">","args":[{"property":"TBMJ"},5]}'
    assert client.get(ITEMS, params={"filter": text, "filter-lang": "cql2-json"}, headers=PAGE).status_code == 200
    fields = {"where.DLBM.value": "0101", "filter": text, "filter-lang": "cql2-json"}
    assert sent(client, fields) == {"DLBM": "0101", "filter": text, "filter-lang": "cql2-json"}


@pytest.mark.parametrize(
    "query",
    [
        {"where.TBMJ.op": "between", "where.TBMJ.value": "abc"},
        {"where.TBMJ.op": "sounds-like", "where.TBMJ.value": "1"},
        {"filter": "TBMJ >"},
        {"q": ",,"},
        {"limit": "none"},
        {"sortby": "nothing"},
    ],
)
def test_what_cannot_be_asked_comes_back_as_a_form_with_the_problem(client: TestClient, query: dict[str, str]) -> None:
    answer = client.get(ITEMS, params=query, headers=PAGE)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "OM-4001" in answer.text
    assert '<form id="query"' in answer.text


def test_fields_of_the_form_are_unknown_to_every_other_format(client: TestClient) -> None:
    answer = client.get(ITEMS, params={"f": "json", "where.DLBM.value": "0101"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "OM-4002"
