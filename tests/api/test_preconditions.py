"""Conditional changes beside If-Match: dates from the log of changes, and states that are ruled out (RFC 9110, 13)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import psycopg
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.block.conditional import http_date, parse_http_date
from onemap.store import Modified
from tests.editing import MERGE, PARCELS, SITES, Editable, feature

GEOJSON = {"Content-Type": "application/geo+json"}
SITE = f"{SITES}/A1"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def site(height: float) -> dict[str, Any]:
    return feature(shapely.Point(114, 30), swapped=False, code="A1", height=height)


def since(moment: datetime) -> dict[str, str]:
    return {"If-Unmodified-Since": format_datetime(moment.astimezone(UTC), usegmt=True)}


def height(client: TestClient) -> float:
    return client.get(SITE, headers={"Accept": "application/geo+json"}).json()["properties"]["height"]


@pytest.mark.parametrize(
    "text",
    ["Fri, 01 May 2026 12:00:00 GMT", "Friday, 01-May-26 12:00:00 GMT", "Fri May  1 12:00:00 2026"],
)
def test_dates(text: str) -> None:
    assert parse_http_date(text) == NOON
    assert http_date(NOON) == "Fri, 01 May 2026 12:00:00 GMT"


@pytest.mark.parametrize("text", ["", "now", "2026-05-01T12:00:00Z", "Fri, 01 May 2026 12:00:00 +0800",
                                  "Fri, 31 Feb 2026 12:00:00 GMT"])  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert parse_http_date(text) is None


def test_two_changes_in_one_second_have_two_dates() -> None:
    at = [NOON + timedelta(milliseconds=milliseconds) for milliseconds in (900, 300)]
    assert Modified(NOON, (at[1],)).date == NOON
    assert Modified(NOON, (at[0], at[1])).date == NOON + timedelta(seconds=1)
    assert Modified(NOON, (at[0], NOON - timedelta(seconds=1))).date == NOON
    assert Modified(NOON).date is None


def test_last_modified_is_told_where_the_log_has_it(editable: Editable) -> None:
    client = editable.client
    assert "last-modified" not in client.get(SITE).headers
    before = datetime.now(UTC).replace(microsecond=0)
    answers = [
        client.patch(SITE, json={"height": 5.0}, headers=MERGE),
        client.get(SITE),
        client.get(SITE, headers={"Accept": "text/html"}),
        client.put(SITE, json=site(6), headers=GEOJSON | {"Prefer": "return=representation"}),
        client.post(SITES, json={**site(1), "properties": {"code": "N1"}}, headers=GEOJSON),
    ]
    for answer in answers:
        told = parsedate_to_datetime(answer.headers["last-modified"])
        assert before <= told <= datetime.now(UTC)
    assert "last-modified" not in client.get(f"{SITES}/A2").headers


def test_a_change_by_another_program_counts(editable: Editable) -> None:
    if editable.dsn is None:
        pytest.skip("the other program writes to a database")
    with psycopg.connect(editable.dsn) as other:
        other.execute("UPDATE sites SET height = 9 WHERE code = 'A1'")
    told = parsedate_to_datetime(editable.client.get(SITE).headers["last-modified"])
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)


def test_if_unmodified_since(editable: Editable) -> None:
    client = editable.client
    told = parsedate_to_datetime(client.patch(SITE, json={"height": 5.0}, headers=MERGE).headers["last-modified"])
    early = since(told - timedelta(seconds=1))
    for answer in (
        client.put(SITE, json=site(7), headers=GEOJSON | early),
        client.patch(SITE, json={"height": 7.0}, headers=MERGE | early),
        client.delete(SITE, headers=early),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "OM-4120")
        assert "If-Unmodified-Since" in answer.json()["detail"]
    assert height(client) == 5.0
    assert client.put(SITE, json=site(8), headers=GEOJSON | since(told)).status_code == 204
    assert height(client) == 8.0


def test_the_date_of_an_older_state_is_not_enough_within_a_second(editable: Editable) -> None:
    """Two changes in one second: who has read the first one does not overwrite the second one."""
    client = editable.client
    for _ in range(10):
        time.sleep(1 - time.time() % 1)
        first = client.patch(SITE, json={"height": 5.0}, headers=MERGE).headers["last-modified"]
        client.patch(SITE, json={"height": 6.0}, headers=MERGE)
        late = client.patch(SITE, json={"height": 7.0}, headers=MERGE | {"If-Unmodified-Since": first})
        seconds = [str(row[0])[:19] for row in editable.changes("at")]
        if seconds[-1] == seconds[-2]:
            break
    assert late.status_code == 412
    time.sleep(1)
    fresh = client.get(SITE).headers["last-modified"]
    assert client.patch(SITE, json={"height": 8.0}, headers=MERGE | {"If-Unmodified-Since": fresh}).status_code == 204


def test_before_the_log_began_nothing_is_known(editable: Editable) -> None:
    client = editable.client
    old = client.put(SITE, json=site(7), headers=GEOJSON | since(NOON.replace(year=2020)))
    assert (old.status_code, "log of changes begins" in old.json()["detail"]) == (412, True)
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert client.put(SITE, json=site(7), headers=GEOJSON | since(now)).status_code == 204


def test_what_is_no_condition_is_passed_over(editable: Editable) -> None:
    client = editable.client
    client.patch(SITE, json={"height": 5.0}, headers=MERGE)
    for headers in ({"If-Unmodified-Since": "yesterday"}, {"If-Match": "*", **since(NOON)}):
        assert client.patch(SITE, json={"height": 6.0}, headers=MERGE | headers).status_code == 204
    missing = client.delete(f"{SITES}/none", headers=since(NOON))
    assert missing.status_code == 404


def test_hidden_columns_hide_when_they_were_changed(editable: Editable) -> None:
    """Parcels have a column that this zone does not show: a date would tell that it was changed."""
    client, path = editable.client, f"{PARCELS}/1"
    changed = client.patch(path, json={"floors": 3}, headers=MERGE)
    assert changed.status_code == 204
    assert "last-modified" not in changed.headers
    assert "last-modified" not in client.get(path).headers
    assert client.patch(path, json={"floors": 4}, headers=MERGE | since(NOON)).status_code == 204
    strict = editable.again(require_match=True).client
    assert strict.patch(path, json={"floors": 5}, headers=MERGE | since(NOON)).status_code == 428
    told = strict.patch(SITE, json={"height": 4.0}, headers=MERGE | since(datetime.now(UTC) + timedelta(seconds=1)))
    assert told.status_code == 204


def test_if_none_match(editable: Editable) -> None:
    client = editable.client
    tag = client.get(SITE).headers["etag"]
    for excluded in ("*", tag, f"W/{tag}", f'"other", {tag}'):
        answer = client.put(SITE, json=site(7), headers=GEOJSON | {"If-None-Match": excluded})
        assert (answer.status_code, "If-None-Match" in answer.json()["detail"]) == (412, True)
    bare = feature(shapely.Point(114, 30), swapped=False, height=7)
    absent = client.put(f"{SITES}/none", json=bare, headers=GEOJSON | {"If-None-Match": "*"})
    assert absent.status_code == 404
    assert client.put(SITE, json=site(7), headers=GEOJSON | {"If-None-Match": '"other"'}).status_code == 204


def test_if_modified_since(editable: Editable) -> None:
    client = editable.client
    client.patch(SITE, json={"height": 5.0}, headers=MERGE)
    told = client.get(SITE).headers["last-modified"]
    unchanged = client.get(SITE, headers={"If-Modified-Since": told})
    assert (unchanged.status_code, unchanged.headers["last-modified"], unchanged.content) == (304, told, b"")
    earlier = format_datetime(parsedate_to_datetime(told) - timedelta(seconds=1), usegmt=True)
    assert client.get(SITE, headers={"If-Modified-Since": earlier}).status_code == 200
    assert client.get(SITE, headers={"If-Modified-Since": told, "If-None-Match": '"other"'}).status_code == 200
