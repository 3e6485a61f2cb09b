"""Jobs over HTTP at their edges: preferences, waiting, events, owners, pages; references and callbacks refused."""

from __future__ import annotations

import base64
import json
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, publish_file
from onemap.block import JSON, Call, Links, Principal
from onemap.config import CallbackSettings
from onemap.errors import Crowded, InvalidBody, NoSuchJob
from onemap.processes import available
from onemap.processes import events as events_module
from onemap.processes.callbacks import call_back
from onemap.processes.events import PATTERN, EventApp
from onemap.processes.job_routes import JobHandlers
from onemap.processes.jobs import JobStore, Order
from onemap.processes.outbound import Unreachable, exchange, resolve, target_of
from onemap.processes.preferences import Preferences, read_preferences
from tests.conformance.world import PLACES, write_world
from tests.listener import Listener, giving, listening_on
from tests.working import Worked, with_jobs, worked

ASYNC = {"Prefer": "respond-async"}
HTML = {"Accept": "text/html"}
FINAL = ("successful", "failed", "dismissed")
LOOPBACK = "127.0.0.0/8"


@pytest.fixture(scope="module")
def world_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "world.gpkg"
    write_world(path, PLACES)
    return path


@pytest.fixture(scope="module")
def other() -> Iterator[Listener]:
    with listening_on() as listener:
        yield listener


@pytest.fixture(scope="module")
def served(world_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worked]:
    """An application with jobs and a worker, that asks no other server for anything."""
    with worked(with_jobs(publish_file(world_file), tmp_path_factory.mktemp("jobs"))) as found:
        yield found


def execute(client: TestClient, inputs: Any = None, headers: Any = None, **more: Any) -> Any:
    body = {"inputs": {"echo": "x", **(inputs or {})}, **more}
    return client.post("/processes/echo/execution", json=body, headers=headers or {})


def order(client: TestClient, **inputs: Any) -> str:
    return str(execute(client, inputs, ASYNC, outputs={"echo": {}}).headers["location"])


def ended(client: TestClient, address: str) -> dict[str, Any]:
    for _ in range(1000):
        found: dict[str, Any] = client.get(address).json()
        if found["status"] in FINAL:
            return found
        time.sleep(0.02)
    raise AssertionError(found)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Preferences()),
        ("return=minimal", Preferences()),
        ("respond-async", Preferences(True)),
        (" Respond-Async ; x=1 , wait = 10 ", Preferences(True, 10)),
        ('wait="7"', Preferences(False, 7)),
        ("wait=100000", Preferences(False, 60)),
        ("wait=1, wait=2", Preferences(False, 1)),
        ("wait=-1, respond-async=false", Preferences(True)),
        ("wait=1.5", Preferences()),
        ("wait=٣", Preferences()),
        ("wait", Preferences()),
        (",,;=", Preferences()),
    ],
)
def test_preferences(header: str, expected: Preferences) -> None:
    assert read_preferences(header) == expected


def test_an_outcome_within_the_time_to_wait_is_the_answer(served: Worked) -> None:
    for prefer in ("wait=20", "respond-async, wait=20"):
        response = execute(served.client, headers={"Prefer": prefer}, outputs={"echo": {}})
        assert (response.status_code, response.json()) == (200, "x")
        assert response.headers["preference-applied"] == "wait=20"
        assert "rel=monitor" in response.headers["link"]


def test_an_outcome_that_takes_longer_leaves_a_job(served: Worked) -> None:
    began = time.monotonic()
    response = execute(served.client, {"pause": 3}, {"Prefer": "wait=1"}, outputs={"echo": {}})
    assert 0.9 < time.monotonic() - began < 2.5
    assert response.status_code == 201
    assert "preference-applied" not in response.headers
    assert ended(served.client, response.headers["location"])["status"] == "successful"
    both = execute(served.client, {"pause": 3}, {"Prefer": "respond-async, wait=0"})
    assert (both.status_code, both.headers["preference-applied"]) == (201, "respond-async")
    served.client.delete(both.headers["location"])


def test_a_failure_within_the_time_to_wait_is_the_answer(served: Worked) -> None:
    nowhere = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    response = served.client.post(
        "/processes/ellipsoid-area/execution", json={"inputs": {"parcels": nowhere}}, headers={"Prefer": "wait=20"}
    )
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_jobs_of_everybody_need_not_be_listed(world_file: Path, tmp_path: Path) -> None:
    instance = with_jobs(publish_file(world_file), tmp_path)
    jobs = instance.settings.jobs.model_copy(update={"listed": False})
    with worked(replace(instance, settings=instance.settings.model_copy(update={"jobs": jobs}))) as served:
        address = order(served.client)
        assert ended(served.client, address)["status"] == "successful"
        assert served.client.get("/jobs").json()["jobs"] == []
        assert "Jobs are not listed" in served.client.get("/jobs", params={"f": "html", "lang": "en"}).text
        declared = served.client.get("/conformance", params={"f": "json"}).json()["conformsTo"]
        assert not [one for one in declared if one.endswith("/conf/job-list")]
        assert [one for one in declared if one.endswith("/conf/dismiss")]
        assert served.client.delete(address).json()["status"] == "dismissed"


def test_without_a_place_for_jobs_there_are_none(world_file: Path) -> None:
    client = TestClient(create_app(publish_file(world_file)), raise_server_exceptions=False)
    assert execute(client, headers=ASYNC).status_code == 200
    assert client.get("/jobs").status_code == 404
    assert client.get("/jobs/x").json()["type"].endswith("/no-such-job")
    reference = execute(client, outputs={"echo": {"transmissionMode": "reference"}})
    assert (reference.status_code, reference.json()["pointer"]) == (400, "/outputs/echo/transmissionMode")
    assert client.get("/processes", params={"f": "json"}).json()["processes"][0]["outputTransmission"] == ["value"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "type=other",
        "status=done",
        "datetime=2020-13-01",
        "datetime=2021-01-01/2020-01-01",
        "minDuration=x",
        "minDuration=1,2",
        "maxDuration=-1",
        "maxDuration=1.5",
        "next=zzz",
        "next=%00",
        "page=2",
        "limit=1&limit=2",
    ],
)
def test_bad_parameters_of_the_job_list(served: Worked, query: str) -> None:
    response = served.client.get(f"/jobs?{query}", headers={"Accept": "application/json"})
    assert response.status_code == 400, response.text


def test_a_job_of_another_is_not_there(served: Worked) -> None:
    theirs = served.store.add(Order("echo", b'{"inputs": {"echo": "secret"}}', "somebody"))
    for path in ("", "/results", "/results/echo", "/events"):
        assert served.client.get(f"/jobs/{theirs.id}{path}").status_code == 404
    assert served.client.delete(f"/jobs/{theirs.id}").status_code == 404
    assert theirs.id not in served.client.get("/jobs", params={"limit": 10_000, "f": "json"}).text
    handlers = JobHandlers(served.store, available(served.instance.settings))
    call = Call(Principal("somebody"), Links("http://x"), JSON, path={"jobID": theirs.id})
    assert anyio.run(handlers.status, call).data["jobID"] == theirs.id  # type: ignore[union-attr]
    with pytest.raises(NoSuchJob):
        anyio.run(handlers.status, replace(call, principal=Principal("else")))


def events(text: str) -> list[dict[str, Any]]:
    pieces = [piece for piece in text.split("\n\n") if piece.startswith("event: status\ndata: ")]
    return [json.loads(piece.removeprefix("event: status\ndata: ")) for piece in pieces]


def test_events_follow_a_job_to_its_end(served: Worked) -> None:
    served.going.clear()
    address = order(served.client, pause=1)
    found: list[Any] = []
    reader = threading.Thread(target=lambda: found.append(served.client.get(address + "/events")))
    reader.start()
    time.sleep(0.6)
    served.going.set()
    reader.join(20)
    (response,) = found
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    statuses = [event["status"] for event in events(response.text)]
    assert statuses[0] == "accepted"
    assert statuses[-1] == "successful"
    assert "running" in statuses
    again = events(served.client.get(address + "/events").text)
    assert [event["status"] for event in again] == ["successful"]


def test_events_take_no_other_method_and_no_parameter(served: Worked) -> None:
    address = order(served.client)
    assert served.client.post(address + "/events").status_code == 405
    assert served.client.get(address + "/events?f=json").status_code == 400
    assert served.client.head(address + "/events").status_code == 200


def test_progress_is_told_while_a_process_runs(served: Worked) -> None:
    address = order(served.client, pause=2)
    ended(served.client, address)
    assert served.client.get(address).json()["progress"] == 100


def test_pages_of_jobs(served: Worked) -> None:
    address = order(served.client)
    ended(served.client, address)
    for path in ("/jobs", "/jobs?status=successful", address, address + "/results"):
        page = served.client.get(path, headers=HTML)
        assert page.status_code == 200, page.text
        assert page.headers["content-type"].startswith("text/html")
        assert address.rsplit("/", 1)[1] in page.text
        assert "http://" not in page.text.replace("http://testserver", "").replace("http://www.opengis.net", "")
    assert f"{address}/results/echo" in served.client.get(address, headers=HTML).text
    failed = served.client.post("/processes/ellipsoid-area/execution", headers=ASYNC, json={
        "inputs": {"parcels": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}
    }).headers["location"]  # fmt: skip
    ended(served.client, failed)
    assert "422" in served.client.get(failed, headers=HTML).text


def test_an_output_that_is_a_file_is_given_with_its_length_and_name(served: Worked) -> None:
    image = b"II*\x00" * 700_000
    response = execute(served.client, {"binary": base64.b64encode(image).decode()}, ASYNC, outputs={"binary": {}})
    address = response.headers["location"]
    ended(served.client, address)
    for path in ("/results", "/results/binary"):
        answer = served.client.get(address + path, headers={"Accept": "image/tiff"})
        assert answer.content == image
        assert answer.headers["content-type"] == "image/tiff"
        assert answer.headers["content-length"] == str(len(image))
        assert answer.headers["content-disposition"].endswith('.tif"')
    missing = served.client.get(address + "/results/nothing", headers={"Accept": "application/json"})
    assert (missing.status_code, missing.json()["hint"]) == (404, "Valid: binary.")


# References and callbacks


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://localhost:22/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "//127.0.0.1/",
        "http://",
        "not an address",
        "",
        5,
        None,
        ["http://127.0.0.1/"],
        "http://0x7f000001/",
        "http://2130706433/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/\r\nHost: x",
    ],
)
def test_nothing_is_fetched_or_called_unless_it_is_allowed(served: Worked, address: Any) -> None:
    response = execute(served.client, {"object": {"href": address}})
    assert (response.status_code, response.json()["pointer"]) == (400, "/inputs/object/href")
    response = execute(served.client, headers=ASYNC, subscriber={"successUri": address})
    assert (response.status_code, response.json()["pointer"]) == (400, "/subscriber")


@pytest.fixture(scope="module")
def fetching(world_file: Path, other: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An application that may ask the other server."""
    allowed = {"hosts": [other.address], "networks": [LOOPBACK], "seconds": 1.0}
    folder = tmp_path_factory.mktemp("jobs")
    instance = with_jobs(publish_file(world_file), folder, references={**allowed, "max_bytes": 1000}, callbacks=allowed)
    with worked(instance) as found:
        yield found.client


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/x",
        "http://localhost:{port}/x",
        "https://127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}@evil.example/x",
        "http://user@127.0.0.1:{port}/x",
        "http://evil.example/http://127.0.0.1:{port}/x",
        "http://127.0.0.1.evil.example:{port}/x",
        "http://127.0.0.1:{port} /x",
    ],
)
def test_only_listed_hosts_are_asked(fetching: TestClient, other: Listener, address: str) -> None:
    other.requests.clear()
    href = address.replace("{port}", other.address.rsplit(":", 1)[1])
    response = execute(fetching, {"object": {"href": href}})
    assert (response.status_code, response.json()["pointer"]) == (400, "/inputs/object/href")
    response = execute(fetching, headers=ASYNC, subscriber={"successUri": href})
    assert (response.status_code, response.json()["pointer"]) == (400, "/subscriber/successUri")
    assert other.requests == []


def slowly(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    for _ in range(30):
        try:
            handler.wfile.write(b"x")
            time.sleep(0.1)
        except OSError:
            return


def test_what_a_host_answers_badly_is_no_input(fetching: TestClient, other: Listener) -> None:
    other.answers |= {
        "/away": giving(b"", "text/plain", 302, Location="/object"),
        "/large": giving(b"x" * 1001, "text/plain"),
        "/packed": giving(b"{}", "application/json", **{"Content-Encoding": "gzip"}),
        "/missing": giving(b"no", "text/plain", 404),
        "/broken": giving(b"{", "application/json"),
        "/twice": giving(b'{"a": 1, "a": 2}', "application/json"),
        "/nan": giving(b'{"a": NaN}', "application/json"),
        "/deep": giving(b"[" * 500 + b"]" * 499, "application/json"),
        "/slow": slowly,
    }
    for path in ("away", "large", "packed", "missing", "broken", "twice", "nan", "deep", "slow"):
        began = time.monotonic()
        response = execute(fetching, {"object": {"href": f"{other.address}/{path}"}})
        assert response.status_code == 400, path
        assert time.monotonic() - began < 2.5, path
    assert "/object" not in [path for _, path, _ in other.requests]


def test_all_documents_of_a_request_together_are_limited(fetching: TestClient, other: Listener) -> None:
    other.answers["/half"] = giving(b"x" * 600, "text/plain")
    half = {"href": f"{other.address}/half"}
    assert execute(fetching, {"echo": half}, outputs={"characters": {}}).json() == 600
    assert execute(fetching, {"echo": half, "mixed": half}).status_code == 400


def test_nothing_is_fetched_for_a_request_that_is_wrong_anyway(fetching: TestClient, other: Listener) -> None:
    other.requests.clear()
    reference = {"href": f"{other.address}/half"}
    assert execute(fetching, {"echo": reference, "nothing": 1}).status_code == 400
    assert execute(fetching, {"echo": reference}, outputs={"nothing": {}}).status_code == 400
    assert execute(fetching, {"echo": reference}, response="both").status_code == 400
    assert other.requests == []


def test_a_listed_host_at_an_address_inside_is_not_asked(other: Listener) -> None:
    for networks in ([], ["10.0.0.0/8"], ["127.0.0.2/32"]):
        settings = CallbackSettings.model_validate({"hosts": [other.address], "networks": networks})
        target = target_of(other.address + "/x", settings, "")
        with pytest.raises(Unreachable, match="not allowed"):
            resolve(target, settings)
    settings = CallbackSettings.model_validate({"hosts": [other.address], "networks": [LOOPBACK]})
    assert exchange(target, settings, 10).status == 200


@pytest.mark.parametrize(
    "host", ["[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "224.0.0.1", "[fe80::1]", "[::]"]
)
def test_addresses_that_stand_for_others(host: str) -> None:
    settings = CallbackSettings(hosts=(f"http://{host}",))
    with pytest.raises(Unreachable, match="not allowed"):
        resolve(target_of(f"http://{host}/", settings, ""), settings)


def test_a_certificate_is_checked(other: Listener) -> None:
    address = other.address.replace("http:", "https:")
    settings = CallbackSettings.model_validate({"hosts": [address], "networks": [LOOPBACK], "seconds": 2})
    with pytest.raises(Unreachable, match="SSLError"):
        exchange(target_of(address, settings, ""), settings, 10)


def test_what_came_of_a_callback(other: Listener) -> None:
    settings = CallbackSettings.model_validate({"hosts": [other.address], "networks": [LOOPBACK]})
    other.answers |= {
        "/never": giving(b"", "text/plain", 500),
        "/refused": giving(b"", "text/plain", 403),
        "/busy": giving(b"", "text/plain", 429),
        "/moved": giving(b"", "text/plain", 307, Location="/ok"),
    }
    said = {path: call_back(other.address + path, b"{}", settings) for path in ("/taken", *other.answers)}
    assert said | {"/taken": "taken", "/never": "missed", "/refused": "refused", "/busy": "missed"} == said
    assert said["/moved"] == "missed"
    assert call_back("http://127.0.0.1:1/", b"{}", settings) == "refused"
    gone = CallbackSettings.model_validate({"hosts": ["http://127.0.0.1:1"], "networks": [LOOPBACK]})
    assert call_back("http://127.0.0.1:1/", b"{}", gone) == "missed"


def test_a_subscriber_that_cannot_be_told_does_not_hold_up_the_job(fetching: TestClient, other: Listener) -> None:
    other.answers["/slowly"] = slowly
    began = time.monotonic()
    subscriber = {"successUri": f"{other.address}/slowly", "inProgressUri": f"{other.address}/slowly"}
    response = execute(fetching, headers=ASYNC, outputs={"echo": {}}, subscriber=subscriber)
    assert ended(fetching, response.headers["location"])["status"] == "successful"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("subscriber", "pointer"),
    [
        (5, "/subscriber"),
        ({}, "/subscriber"),
        ({"failedUri": "{other}"}, "/subscriber"),
        ({"successUri": "{other}", "doneUri": "{other}"}, "/subscriber/doneUri"),
        ({"successUri": "{other}", "failedUri": "http://evil.example"}, "/subscriber/failedUri"),
    ],
)
def test_bad_subscribers(fetching: TestClient, other: Listener, subscriber: Any, pointer: str) -> None:
    given = json.loads(json.dumps(subscriber).replace("{other}", other.address))
    response = execute(fetching, headers=ASYNC, subscriber=given)
    assert (response.status_code, response.json()["pointer"]) == (400, pointer)


def test_an_address_that_is_allowed_no_more_is_not_called(other: Listener) -> None:
    with pytest.raises(InvalidBody):
        target_of(other.address, CallbackSettings(), "")
    assert call_back(other.address, b"{}", CallbackSettings()) == "refused"


def test_the_store_is_what_the_protocol_says(served: Worked) -> None:
    store: JobStore = served.store
    assert set(store.counts()) == {"accepted", "running", *FINAL}


def star(points: int) -> dict[str, Any]:
    """A polygon that crosses itself at every second corner."""
    angles = [2 * math.pi * at * (points // 2) / points for at in range(points)]
    ring = [[round(math.cos(angle), 9), round(math.sin(angle), 9)] for angle in angles]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def parcels(geometry: Any) -> bytes:
    return json.dumps({"inputs": {"parcels": geometry}}).encode()


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (parcels(star(101)), (422,)),
        (parcels(star(20_001)), (422,)),
        (parcels({"type": "Polygon", "coordinates": [[[at / 1e6, 0] for at in range(1_000_000)]]}), (413,)),
        (parcels({"type": "Polygon", "coordinates": [[[at % 300, 0] for at in range(250_000)]]}), (413, 422)),
        (parcels({"type": "Polygon", "coordinates": [[[1e300, 0], [0, 1e300], [1, 1], [1e300, 0]]]}), (400, 422)),
        (parcels("%s").replace(b'"%s"', b"NaN"), (400,)),
        (parcels("%s").replace(b'"%s"', b'{"type": "Polygon", "type": "Point"}'), (400,)),
        (parcels("%s").replace(b'"%s"', b'{"a":' * 200_000 + b"1" + b"}" * 200_000), (400,)),
        (parcels("%s").replace(b'"%s"', b"[" * 400_000), (400,)),
        (parcels("%s").replace(b'"%s"', b"1" * 100_000), (400,)),
        (b"\xff\xfe{}", (400,)),
    ],
    ids=[
        "star",
        "large star",
        "1e6 vertices",
        "25e4 vertices",
        "1e300",
        "NaN",
        "twice",
        "deep",
        "open",
        "number",
        "utf",
    ],
)
def test_abuse_is_refused_and_the_worker_goes_on(served: Worked, body: bytes, statuses: tuple[int, ...]) -> None:
    """A job is made where only the work finds out; it fails with the same status."""
    path = "/processes/ellipsoid-area/execution"
    headers = {"Content-Type": "application/json"}
    assert served.client.post(path, content=body, headers=headers).status_code in statuses
    response = served.client.post(path, content=body, headers={**headers, **ASYNC})
    if response.status_code == 201:
        address = response.headers["location"]
        assert ended(served.client, address)["status"] == "failed"
        response = served.client.get(address + "/results")
    assert response.status_code in statuses, response.text
    assert ended(served.client, order(served.client))["status"] == "successful"


def test_a_client_that_leaves_ends_its_events(served: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    served.going.clear()
    job = served.store.add(Order("echo", b'{"inputs": {"echo": "x"}}', "anonymous"))
    streams, sent = EventApp(served.store), []
    scope = {"method": "GET", "query_string": b"", "onemap.principal": Principal(), "onemap.links": Links("http://x")}
    match = PATTERN.fullmatch(f"/jobs/{job.id}/events")

    async def receive() -> dict[str, str]:
        await anyio.sleep(0.6)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def several() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(events_module.MOST):
                group.start_soon(streams, scope, receive, send, match)
            await anyio.sleep(0.3)
            with pytest.raises(Crowded):
                await streams(scope, receive, send, match)

    monkeypatch.setattr(events_module, "MOST", 3)
    began = time.monotonic()
    anyio.run(several)
    assert time.monotonic() - began < 5
    assert sum(message["type"] == "http.response.start" for message in sent) == 3
    monkeypatch.setattr(events_module, "MOST", 1)
    anyio.run(streams, scope, receive, send, match)  # there is room again
    served.going.set()
