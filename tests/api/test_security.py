"""The security seam: what a zone may not see is not there, in any answer."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

SENSITIVE = ("dltb", "yjjbnttb")
PERSONAL = ("ZRRZJHM", "LXDH", "JZDZ", "ZRRMC", "CFZR", "ZZRR")


def test_the_internet_zone_lists_public_layers_only(client: TestClient, internet: TestClient) -> None:
    public = {item["id"] for item in internet.get("/collections").json()["collections"]}
    everything = {item["id"] for item in client.get("/collections").json()["collections"]}
    assert public < everything
    assert public.isdisjoint(SENSITIVE)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/items",
        "/items/1",
        "/queryables",
        "/schema",
        "/tiles",
        "/tiles/WebMercatorQuad",
        "/tiles/WebMercatorQuad/10/420/835",
    ],
)
def test_a_hidden_collection_answers_as_a_random_name(internet: TestClient, path: str) -> None:
    for hidden in SENSITIVE:
        real = internet.get(f"/collections/{hidden}{path}")
        random = internet.get(f"/collections/{'q' * len(hidden)}{path}")
        assert real.status_code == random.status_code == 404
        neutral = [
            {**answer.json(), "requestId": "", "detail": answer.json()["detail"].replace(name, "?"), "instance": ""}
            for answer, name in ((real, hidden), (random, "q" * len(hidden)))
        ]
        assert neutral[0] == neutral[1]


@pytest.mark.parametrize("path", ["/", "/api", "/collections", "/map", "/processes", "/processes/control-line-check"])
def test_no_document_of_the_internet_zone_names_them(internet: TestClient, path: str) -> None:
    for accept in ("application/json", "text/html"):
        text = internet.get(path, headers={"Accept": accept}).text
        for hidden in SENSITIVE:
            assert f"collections/{hidden}" not in text
            assert f'"{hidden}"' not in text


def test_personal_data_stays_below_the_core_level(client: TestClient) -> None:
    page = client.get("/collections/yjjbnttb/items", params={"limit": 5})
    assert page.status_code == 200
    for text in (page.text, client.get("/collections/yjjbnttb/queryables").text, client.get("/api").text):
        assert not [name for name in PERSONAL if name in text]


def test_a_hidden_field_is_refused_as_an_unknown_one(client: TestClient) -> None:
    hidden = client.get("/collections/yjjbnttb/items", params={"LXDH": "13800000000"})
    unknown = client.get("/collections/yjjbnttb/items", params={"QQQQ": "13800000000"})
    assert hidden.status_code == unknown.status_code == 400
    assert hidden.json()["detail"].replace("LXDH", "QQQQ") == unknown.json()["detail"]
    assert "LXDH" not in unknown.json()["hint"]


def test_security_headers_of_pages(client: TestClient) -> None:
    page = client.get("/", headers={"Accept": "text/html"})
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("script-src")[1].split(";")[0]
