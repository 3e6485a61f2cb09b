"""Requests of every form: what is wrong gets a problem that says so, and the server keeps serving."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

ITEMS = "/collections/dltb/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
BAD = [
    (f"{ITEMS}?bbox=1,2,3", "bbox"),
    (f"{ITEMS}?bbox=1,2,x,4", "bbox"),
    (f"{ITEMS}?bbox=1,5,2,4", "latitude"),
    (f"{ITEMS}?bbox=1,2,3,4&bbox=1,2,3,4", "2 times"),
    (f"{ITEMS}?bbox-crs=EPSG:4490&bbox=1,2,3,4", "bbox-crs"),
    (f"{ITEMS}?crs={EPSG}2370", "crs"),
    (f"{ITEMS}?crs=%2Bproj%3Dlonglat+%2Bnadgrids%3D/etc/passwd", "crs"),
    (f"{ITEMS}?limit=0", "limit"),
    (f"{ITEMS}?limit=ten", "limit"),
    (f"{ITEMS}?limit=-5", "limit"),
    (f"{ITEMS}?offset=-1", "offset"),
    (f"{ITEMS}?offset=99999999999999999999", "offset"),
    (f"{ITEMS}?SJNF=9223372036854775808", "SJNF"),
    (f"{ITEMS}?bbox=1,2,3,4%00", "4\N{REPLACEMENT CHARACTER}"),
    (f"{ITEMS}?{'&'.join(['a=1'] * 201)}", "201 parameters"),
    (f"{ITEMS}?next=abc", "next"),
    (f"{ITEMS}?datetime=2025-13-01", "datetime"),
    (f"{ITEMS}?datetime=", "datetime"),
    (f"{ITEMS}?limmit=5", "limmit"),
    (f"{ITEMS}?TBMJ=large", "TBMJ"),
    (f"{ITEMS}?SJNF=2025.5", "SJNF"),
    (f"{ITEMS}?f=xml", "'f'"),
    (f"{ITEMS}?f=json&f=html", "2 times"),
    (f"{ITEMS}?lang=de", "lang"),
    (f"{ITEMS}?%ff=1", "UTF-8"),
    (f"{ITEMS}/1?bbox=1,2,3,4", "bbox"),
    ("/collections?limit=5", "limit"),
    ("/?x=%27%3B%20DROP%20TABLE%20dltb", "Unknown"),
]


@pytest.mark.parametrize(("path", "says"), BAD)
def test_bad_request(client: TestClient, path: str, says: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert says in problem["detail"] + problem.get("hint", "")
    assert {"type", "title", "status", "detail", "instance", "code", "requestId"} <= problem.keys()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/collections/nothing",
        "/collections/nothing/items",
        f"{ITEMS}/0",
        f"{ITEMS}/abc",
        "/collections/dltb/nothing",
        "/collections/%00",
        "/..%2f..%2fetc/passwd",
        "/static/../html.py",
        "/static/%2e%2e/html.py",
    ],
)
def test_not_found(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (400, 404)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_code_that_is_none_is_named(client: TestClient) -> None:
    problem = client.get(ITEMS, params={"DLBM": "011"}).json()
    assert "'DLBM' knows no code '011'" in problem["detail"]
    assert problem["hint"].startswith("Did you mean '01")
    assert "at most 18 characters" in client.get(ITEMS, params={"BSM": "9" * 19}).json()["detail"]


def test_the_nearest_parameter_is_named(client: TestClient) -> None:
    assert client.get(f"{ITEMS}?limmit=5").json()["hint"] == "Did you mean 'limit'?"


def test_injection_finds_nothing(client: TestClient) -> None:
    for value in ("0101' OR '1'='1", '0101" --', "0101'); DROP TABLE dltb; --"):
        assert client.get(ITEMS, params={"DLMC": value}).json()["numberMatched"] == 0
        assert client.get(ITEMS, params={"DLBM": value}).status_code == 400
    assert client.get(ITEMS).json()["numberMatched"] > 4000


def test_methods(client: TestClient) -> None:
    response = client.post("/collections")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert "allow" not in response.json()
    options = client.options(ITEMS)
    assert (options.status_code, options.headers["allow"]) == (200, "GET, HEAD, OPTIONS")
    head = client.head("/collections", headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    get = client.get("/collections", headers={"Accept-Encoding": "identity"})
    assert int(head.headers["content-length"]) == len(get.content)


def test_not_acceptable(client: TestClient) -> None:
    assert client.get("/collections", headers={"Accept": "application/gml+xml"}).status_code == 406


def test_cors(client: TestClient) -> None:
    response = client.get(ITEMS, headers={"Origin": "https://map.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "Content-Crs" in response.headers["access-control-expose-headers"]
    preflight = client.options(ITEMS, headers={"Origin": "https://map.example", "Access-Control-Request-Method": "GET"})
    assert "GET" in preflight.headers["access-control-allow-methods"]
    assert client.get("/nothing").headers["access-control-allow-origin"] == "*"


def test_gzip_is_the_same_document(client: TestClient) -> None:
    plain = client.get(f"{ITEMS}?limit=1000", headers={"Accept-Encoding": "identity"})
    packed = client.get(f"{ITEMS}?limit=1000", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json()["features"] == plain.json()["features"]


def test_not_modified(client: TestClient) -> None:
    first = client.get("/collections/dltb")
    again = client.get("/collections/dltb", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["vary"] == first.headers["vary"]


def test_hosts(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "evil.example/x?y"}).status_code == 400
    assert (
        client.get("/", headers={"Host": "map.example:8443"})
        .json()["links"][0]["href"]
        .startswith("http://map.example:8443/")
    )
    untrusted = client.get("/", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert "evil" not in untrusted.text


def test_a_long_address_is_refused(client: TestClient) -> None:
    assert client.get("/collections", params={"f": "x" * 20_000}).status_code == 414


def test_a_trailing_slash_is_forgiven(client: TestClient) -> None:
    assert client.get("/collections/").json()["collections"] == client.get("/collections").json()["collections"]


def test_health(client: TestClient) -> None:
    assert client.get("/livez").text == client.get("/readyz").text == "ok\n"


def test_property_filters(client: TestClient) -> None:
    everything = client.get(ITEMS, params={"limit": 10_000}).json()["features"]
    want = [item["id"] for item in everything if item["properties"]["DLBM"] == "0101"]
    found = client.get(ITEMS, params={"DLBM": "0101", "limit": 10_000}).json()
    assert [item["id"] for item in found["features"]] == want
    assert found["numberMatched"] == len(want) > 0


def test_codes_and_long_numbers_stay_text(client: TestClient) -> None:
    properties = client.get(f"{ITEMS}/1").json()["properties"]
    assert isinstance(properties["BSM"], str)
    assert len(properties["BSM"]) == 18
    assert isinstance(properties["DLBM"], str)


def test_offset_pages_too(client: TestClient) -> None:
    first = client.get(ITEMS, params={"limit": 7, "offset": 7}).json()
    both = client.get(ITEMS, params={"limit": 14}).json()
    assert [item["id"] for item in first["features"]] == [item["id"] for item in both["features"]][7:]
    address = next(item["href"] for item in first["links"] if item["rel"] == "next")
    assert "offset=14" in address


def test_a_next_link_holds_with_another_limit(client: TestClient) -> None:
    first = client.get(ITEMS, params={"limit": 5, "DLBM": "0101"}).json()
    address = next(item["href"] for item in first["links"] if item["rel"] == "next")
    page = client.get(address.replace("limit=5", "limit=3")).json()
    want = client.get(ITEMS, params={"limit": 8, "DLBM": "0101"}).json()["features"][5:]
    assert [item["id"] for item in page["features"]] == [item["id"] for item in want]


def test_languages(client: TestClient) -> None:
    assert client.get("/collections/dltb").json()["title"] == "地类图斑"
    assert client.get("/collections/dltb", params={"lang": "en"}).json()["title"] == "Land-use parcels"
    english = client.get("/collections/dltb", headers={"Accept-Language": "en-GB"})
    assert english.headers["content-language"] == "en"


def test_queryables_name_the_codes(client: TestClient) -> None:
    document = client.get("/collections/dltb/queryables", params={"lang": "en"}).json()
    assert document["type"] == "object"
    assert {"const": "0101", "title": "Paddy field"} in document["properties"]["DLBM"]["oneOf"]
    assert document["properties"]["DLBM"]["maxLength"] == 5


def test_time(client: TestClient) -> None:
    path = "/collections/stbhhx/items"
    features = client.get(path, params={"limit": 1000}).json()["features"]
    days = sorted(item["properties"]["SLSJ"] for item in features)
    middle = days[len(days) // 2]
    found = client.get(path, params={"datetime": f"../{middle}", "limit": 1000}).json()["features"]
    assert len(found) == sum(day <= middle for day in days)


def test_openapi_is_the_committed_one(client: TestClient) -> None:
    import yaml

    from tests.conftest import ROOT

    committed = yaml.safe_load((ROOT / "openapi.yml").read_text(encoding="utf-8"))
    served = client.get("/api", params={"f": "json", "lang": "en"}).json()
    committed["servers"] = served["servers"]
    assert committed == served, "run `make openapi`"


def test_the_definition_as_yaml(client: TestClient) -> None:
    import yaml

    response = client.get("/api", params={"f": "yaml"})
    assert yaml.safe_load(response.text)["openapi"] == "3.0.3"


def test_a_limit_of_any_size_is_cut_to_the_largest(client: TestClient) -> None:
    response = client.get(ITEMS, params={"limit": "9" * 30})
    assert response.status_code == 200
    assert response.json()["numberReturned"] == 5000


def test_the_largest_integer_can_be_asked_for(client: TestClient) -> None:
    assert client.get(ITEMS, params={"SJNF": str(2**63 - 1)}).json()["numberMatched"] == 0
    assert client.get(f"{ITEMS}/{2**63 - 1}").status_code == 404
    assert client.get(f"{ITEMS}/{2**63}").status_code == 404


def test_a_token_with_something_appended_is_refused(client: TestClient) -> None:
    href = next(link["href"] for link in client.get(ITEMS).json()["links"] if link["rel"] == "next")
    assert client.get(href).status_code == 200
    assert client.get(href.replace("next=", "next=!!!")).status_code == 400
    assert client.get(href + "==").status_code == 400


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("text/html;q=0", False),
        ("text/html;q=0,application/json", False),
        ("application/json, text/html;q=0.1", False),
        ("*/*", False),
    ],
)
def test_a_problem_comes_as_what_was_asked_for(client: TestClient, accept: str, page: bool) -> None:
    response = client.get("/nothing", headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/html" if page else "application/problem+json")
    assert client.get("/nothing?f=html").headers["content-type"].startswith("text/html")


def test_header_lines_of_the_same_name_are_one_list(client: TestClient) -> None:
    accept = [("Accept", "application/json;q=0.5"), ("Accept", "text/html")]
    for lines in (accept, accept[::-1]):
        assert client.get("/collections", headers=lines).headers["content-type"].startswith("text/html")
    etag = client.get("/collections").headers["etag"]
    tags = [("If-None-Match", '"x"'), ("If-None-Match", etag)]
    for lines in (tags, tags[::-1]):
        response = client.get("/collections", headers=lines)
        assert response.status_code == 304
        assert {"etag", "vary", "cache-control"} <= set(response.headers)


@pytest.mark.parametrize("host", ["a b", "one, two", "one:0", "one:65536", "one/two"])
def test_a_host_that_is_none_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 400


def test_pages_have_a_tag_of_their_content(client: TestClient) -> None:
    first, second = (client.get("/map", headers={"Accept": "text/html"}) for _ in range(2))
    assert first.headers["etag"] == second.headers["etag"]


def test_schemas_are_given_as_what_they_are(client: TestClient) -> None:
    for name in ("schema", "queryables"):
        response = client.get(f"/collections/dltb/{name}", headers={"Accept": "application/schema+json"})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/schema+json"


def test_an_encoded_slash_belongs_to_the_identifier(client: TestClient) -> None:
    assert "'1/2'" in client.get(f"{ITEMS}/1%2F2").json()["detail"]
    assert client.get("/collections/dltb/tiles/WebMercatorQuad%2F9%2F210%2F417").status_code == 404


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    response = client.post("/processes/echo/execution", content=b"x", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert "Content-Encoding" in response.json()["hint"]


def test_a_method_that_is_not_there_is_a_problem_everywhere(client: TestClient) -> None:
    response = client.post("/livez")
    assert response.status_code == 405
    assert response.headers["content-type"] == "application/problem+json"
