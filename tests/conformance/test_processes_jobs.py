"""OGC API Processes 1.0 (18-062r2), Annex A: asynchronous execution, job list, dismissal, callbacks, references.

Jobs are worked on beside the application, which may fetch from and call back one other server of this machine.
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from onemap.app import publish_file
from onemap.processes.schemas import SCHEMAS as PROCESS_SCHEMAS
from onemap.web.schemas import SCHEMAS
from tests.listener import Listener, giving, listening_on
from tests.working import Worked, with_jobs, worked

CORE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core"
JOB_LIST = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list"
DISMISS = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss"
CALLBACK = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/callback"
RESULTS = "http://www.opengis.net/def/rel/ogc/1.0/results"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
ACCEPT = {"Accept": "application/json"}
ASYNC = {**ACCEPT, "Prefer": "respond-async"}
TEXT = "teststring"
FINAL = ("successful", "failed", "dismissed")
PATIENCE = 20.0


@dataclass(frozen=True)
class World:
    """An application with a worker, and the other server."""

    served: Worked
    other: Listener

    def execute(self, headers: dict[str, str] = ACCEPT, inputs: Any = None, **more: Any) -> Any:
        body = {"inputs": {"echo": TEXT, **(inputs or {})}, **more}
        return self.served.client.post("/processes/echo/execution", json=body, headers=headers)

    def order(self, inputs: Any = None, **more: Any) -> str:
        """Make a job and return its address."""
        response = self.execute(ASYNC, inputs, **more)
        assert response.status_code == 201, response.text
        return str(response.headers["location"])

    def get(self, address: str, **query: Any) -> dict[str, Any]:
        response = self.served.client.get(address, params=query or None, headers=ACCEPT)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return response.json()  # type: ignore[no-any-return]

    def ended(self, address: str) -> dict[str, Any]:
        """Wait for the end of a job and return its status."""
        end = time.monotonic() + PATIENCE
        while (found := self.get(address))["status"] not in FINAL:
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return found

    def jobs(self, **query: Any) -> list[str]:
        return [job["jobID"] for job in self.get("/jobs", **query)["jobs"]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, world_file: Path) -> Iterator[World]:
    with listening_on() as other:
        allowed = {"hosts": [other.address], "networks": ["127.0.0.0/8"]}
        instance = with_jobs(
            publish_file(world_file),
            tmp_path_factory.mktemp("jobs"),
            references=allowed,
            callbacks={**allowed, "attempts": 4, "pause": 0.05},
        )
        with worked(instance) as served:
            yield World(served, other)


def validate(value: Any, name: str) -> None:
    components = {"components": {"schemas": {**SCHEMAS, **PROCESS_SCHEMAS}}}
    jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", **components})


def parts(response: Any) -> dict[str, tuple[str | None, bytes]]:
    """Content-Location and body of each part of a multipart/related body, by Content-ID."""
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.content, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/related"
    return {
        part["Content-ID"].strip("<>"): (part["Content-Location"], part.get_payload(decode=True).strip(b"\r\n"))
        for part in message.iter_parts()
    }


def references(response: Any) -> dict[str, str]:
    """The addresses of outputs in the Link headers of a response, by title."""
    links = [link.strip() for link in response.headers["link"].split(", <")]
    found = [link.lstrip("<").split(">; ") for link in links]
    return {about.split('title="')[1].split('"')[0]: href for href, about in found if "title=" in about}


@pytest.mark.abstract_test(CORE, "/conf/core/conformance-success")
def test_the_classes_of_jobs_are_declared(world: World) -> None:
    assert {JOB_LIST, DISMISS, CALLBACK} <= set(world.get("/conformance")["conformsTo"])
    links = {link["rel"]: link["href"] for link in world.get("/")["links"]}
    assert world.get(links["http://www.opengis.net/def/rel/ogc/1.0/job-list"])["jobs"] is not None


@pytest.mark.abstract_test(CORE, "/conf/core/process-success")
def test_processes_say_how_they_can_be_executed(world: World) -> None:
    for item in world.get("/processes")["processes"]:
        assert item["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]
        assert item["outputTransmission"] == ["value", "reference"]


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-default-execution-mode")
def test_without_a_preference_an_execution_is_synchronous_and_makes_no_job(world: World) -> None:
    before = world.jobs(limit=10_000)
    response = world.execute(outputs={"echo": {}})
    assert (response.status_code, response.json()) == (200, TEXT)
    assert "link" not in response.headers
    assert world.jobs(limit=10_000) == before


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-auto-execution-mode")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-success-async")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-success-header-async")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-op")
@pytest.mark.parametrize("prefer", ["respond-async", "respond-async ", "handling=lenient, Respond-Async;x=1"])
def test_a_preference_for_it_makes_a_job(world: World, prefer: str) -> None:
    response = world.execute({**ACCEPT, "Prefer": prefer})
    assert response.status_code == 201
    assert response.headers["preference-applied"] == "respond-async"
    assert response.headers["location"].startswith("http://testserver/jobs/")
    validate(response.json(), "statusInfo")
    assert response.json()["jobID"] == response.headers["location"].rsplit("/", 1)[1]


@pytest.mark.abstract_test(CORE, "/conf/core/job-op")
@pytest.mark.abstract_test(CORE, "/conf/core/job-success")
def test_the_status_of_a_job(world: World) -> None:
    world.served.going.clear()
    address = world.order()
    waiting = world.get(address)
    world.served.going.set()
    done = world.ended(address)
    for found in (waiting, done):
        validate(found, "statusInfo")
        assert None not in found.values()
        assert (found["type"], found["processID"]) == ("process", "echo")
    rels = [{link["rel"] for link in found["links"]} for found in (waiting, done)]
    assert (waiting["status"], RESULTS in rels[0], "monitor" in rels[0]) == ("accepted", False, True)
    assert (done["status"], RESULTS in rels[1], done["progress"]) == ("successful", True, 100)
    assert done["created"] <= done["started"] <= done["finished"]
    assert world.served.client.get(address).json() == done  # without an Accept header too
    for link in done["links"]:
        media_type = world.served.client.get(link["href"], headers={"Accept": link["type"]}).headers["content-type"]
        assert media_type.split(";")[0] in (link["type"], "multipart/related")


@pytest.mark.abstract_test(CORE, "/conf/core/job-results-exception-results-not-ready")
def test_results_that_are_not_ready(world: World) -> None:
    world.served.going.clear()
    address = world.order()
    for path in ("/results", "/results/echo"):
        response = world.served.client.get(address + path, headers=ACCEPT)
        assert (response.status_code, response.json()["type"]) == (404, EXCEPTIONS + "result-not-ready")
    world.served.going.set()
    world.ended(address)


@pytest.mark.abstract_test(CORE, "/conf/core/job-exception-no-such-job")
def test_no_such_job(world: World) -> None:
    for path in ("", "/results", "/results/echo", "/events"):
        response = world.served.client.get(f"/jobs/no-such-job{path}", headers=ACCEPT)
        assert (response.status_code, response.json()["type"]) == (404, EXCEPTIONS + "no-such-job")
    assert world.served.client.delete("/jobs/no-such-job").json()["type"] == EXCEPTIONS + "no-such-job"


@pytest.mark.abstract_test(CORE, "/conf/core/job-results")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-success")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-async-raw-value-one")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-async-raw-value-multi")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-async-document")
@pytest.mark.parametrize(
    "more",
    [
        {"outputs": {"echo": {}}},
        {"outputs": {"binary": {}}},
        {"outputs": {"binary": {}, "echo": {}, "bbox": {}}},
        {},
        {"outputs": {}, "response": "raw"},
        {"outputs": {"echo": {}, "characters": {}}, "response": "document"},
        {"response": "document"},
    ],
)
def test_the_results_of_a_job_are_those_of_the_same_execution_at_once(world: World, more: Any) -> None:
    inputs = {"binary": base64.b64encode(b"II*\x00\xff").decode(), "array": [1, 2]}
    at_once = world.execute(inputs=inputs, **more)
    address = world.order(inputs, **more)
    assert world.ended(address)["status"] == "successful"
    later = world.served.client.get(address + "/results", headers=ACCEPT)
    assert (later.status_code, later.content) == (200, at_once.content)
    assert later.headers["content-type"] == at_once.headers["content-type"]


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-raw-ref")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-async-raw-ref")
def test_raw_outputs_by_reference_are_links(world: World) -> None:
    outputs = {"echo": {"transmissionMode": "reference"}, "number": {"transmissionMode": "reference"}}
    at_once = world.execute(outputs=outputs)
    address = world.order(outputs=outputs)
    world.ended(address)
    for response in (at_once, world.served.client.get(address + "/results", headers=ACCEPT)):
        assert (response.status_code, response.content) == (204, b"")
        found = references(response)
        assert {name: world.served.client.get(href).json() for name, href in found.items()} == {
            "echo": TEXT,
            "number": 0.0,
        }


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-raw-mixed-multi")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-async-raw-mixed-multi")
def test_raw_outputs_of_both_kinds_are_parts(world: World) -> None:
    outputs = {"echo": {"transmissionMode": "reference"}, "number": {"transmissionMode": "value"}}
    address = world.order(outputs=outputs)
    world.ended(address)
    for response in (world.execute(outputs=outputs), world.served.client.get(address + "/results", headers=ACCEPT)):
        assert response.status_code == 200
        found = parts(response)
        location, body = found["echo"]
        assert (body, found["number"]) == (b"", (None, b"0.0"))
        assert location is not None
        assert world.served.client.get(location).json() == TEXT


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-document")
def test_references_in_a_document_are_links(world: World) -> None:
    outputs = {"binary": {"transmissionMode": "reference"}, "echo": {}}
    image = base64.b64encode(b"II*\x00").decode()
    found = world.execute(inputs={"binary": image}, outputs=outputs, response="document").json()
    assert (found["echo"], found["binary"]["type"]) == (TEXT, "image/tiff")
    answer = world.served.client.get(found["binary"]["href"])
    assert (answer.headers["content-type"], answer.content) == ("image/tiff", b"II*\x00")


@pytest.mark.abstract_test(CORE, "/conf/core/job-results-sync")
def test_a_synchronous_execution_that_makes_a_job_names_it(world: World) -> None:
    response = world.execute(outputs={"echo": {"transmissionMode": "reference"}}, response="document")
    assert response.status_code == 200
    address = response.headers["link"].split(">")[0].lstrip("<")
    assert "rel=monitor" in response.headers["link"]
    assert world.get(address)["status"] == "successful"


@pytest.mark.abstract_test(CORE, "/conf/core/job-results-failed")
def test_a_job_that_fails_says_why(world: World) -> None:
    nowhere = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    body = {"inputs": {"parcels": nowhere}}
    path = "/processes/ellipsoid-area/execution"
    at_once = world.served.client.post(path, json=body, headers=ACCEPT)
    address = world.served.client.post(path, json=body, headers=ASYNC).headers["location"]
    assert world.ended(address)["status"] == "failed"
    later = world.served.client.get(address + "/results", headers=ACCEPT)
    assert later.status_code == at_once.status_code == 422
    for name in ("type", "title", "status", "detail", "code"):
        assert later.json()[name] == at_once.json()[name]


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-validation")
def test_inputs_of_jobs_are_validated_before_the_job_is_made(world: World) -> None:
    response = world.execute(ASYNC, {"binary": {"type": "wrong/type"}})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"  # as asked for; a problem document by its own name
    named = {**ASYNC, "Accept": "application/json, application/problem+json"}
    assert world.execute(named, {"array": 1}).headers["content-type"] == "application/problem+json"


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-ref")
def test_inputs_by_reference(world: World) -> None:
    world.other.answers["/image"] = giving(b"II*\x00\x01", "image/tiff")
    world.other.answers["/object"] = giving(b'{"a": {"b": 1}}', "application/json; charset=utf-8")
    world.other.answers["/text"] = giving("地块".encode(), "text/plain")
    inputs = {
        "binary": {"href": world.other.address + "/image", "format": {"mediaType": "image/tiff"}},
        "object": {"href": world.other.address + "/object", "type": "application/json"},
        "echo": {"href": world.other.address + "/text"},
    }
    outputs = {"binary": {}, "object": {}, "echo": {}}
    address = world.order(inputs, outputs=outputs, response="document")
    fetched = len(world.other.requests)
    world.ended(address)
    for found in (world.get(address + "/results"), world.execute(inputs=inputs, response="document").json()):
        assert (found["echo"], found["object"]) == ("地块", {"a": {"b": 1}})
        assert base64.b64decode(found["binary"]["value"]) == b"II*\x00\x01"
    assert len(world.other.requests) == fetched + len(inputs)  # the worker fetched nothing


@pytest.mark.abstract_test(CALLBACK, "/conf/callback/job-callback")
def test_subscribers_are_told(world: World) -> None:
    world.other.requests.clear()
    subscriber = {name: f"{world.other.address}/{name}" for name in ("successUri", "inProgressUri", "failedUri")}
    address = world.order(outputs={"echo": {}}, subscriber=subscriber)
    first, second = world.other.wait(2)
    assert first[:2] == ("POST", "/inProgressUri")
    assert json.loads(first[2])["jobID"] == address.rsplit("/", 1)[1]
    validate(json.loads(first[2]), "statusInfo")
    assert second == ("POST", "/successUri", json.dumps({"echo": TEXT}, separators=(",", ":")).encode())
    document = world.served.client.get("/api", params={"f": "json"}).json()
    assert document["paths"]["/processes/{processID}/execution"]["post"]["callbacks"].keys() == {
        "jobCompleted",
        "jobInProgress",
        "jobFailed",
    }


@pytest.mark.abstract_test(DISMISS, "/conf/dismiss/job-dismiss-op")
@pytest.mark.abstract_test(DISMISS, "/conf/dismiss/job-dismiss-success")
def test_a_job_is_dismissed(world: World) -> None:
    world.served.going.clear()
    waiting = world.order()
    response = world.served.client.delete(waiting, headers=ACCEPT)
    world.served.going.set()
    assert (response.status_code, response.json()["status"]) == (200, "dismissed")
    validate(response.json(), "statusInfo")
    assert world.get(waiting)["status"] == "dismissed"
    assert world.served.client.get(waiting + "/results", headers=ACCEPT).status_code == 404


@pytest.mark.abstract_test(DISMISS, "/conf/dismiss/job-dismiss-success")
def test_a_job_that_has_ended_is_removed_with_its_results(world: World) -> None:
    address = world.order()
    world.ended(address)
    assert world.served.client.delete(address).json()["status"] == "dismissed"
    for path in ("", "/results"):
        response = world.served.client.get(address + path, headers=ACCEPT)
        assert (response.status_code, response.json()["type"]) == (404, EXCEPTIONS + "no-such-job")


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/job-list-op")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/job-list-success")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/processID-mandatory")
def test_the_list_of_jobs(world: World) -> None:
    address = world.order()
    found = world.get("/jobs")
    validate(found, "jobList")
    assert found["jobs"][0]["jobID"] == address.rsplit("/", 1)[1]
    assert all(job["processID"] for job in found["jobs"])


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/links")
def test_the_links_of_the_list(world: World) -> None:
    links = {link["rel"]: link for link in world.get("/jobs", status="successful,failed")["links"]}
    for rel in ("self", "alternate"):
        answer = world.served.client.get(links[rel]["href"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(links[rel]["type"])
        assert "status=successful" in links[rel]["href"]


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/limit-definition")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/type-definition")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/processID-definition")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/status-definition")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/datetime-definition")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/duration-definition")
def test_the_parameters_of_the_list_are_defined(world: World) -> None:
    document = world.served.client.get("/api", params={"f": "json"}).json()
    parameters = {item["name"]: item for item in document["paths"]["/jobs"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 10000, "default": 10}
    for name, kind in (("type", "string"), ("processID", "string"), ("status", "string")):
        assert parameters[name]["schema"]["type"] == "array"
        assert parameters[name]["schema"]["items"]["type"] == kind
    assert parameters["datetime"]["schema"]["type"] == "string"
    for name in ("minDuration", "maxDuration"):
        schema = parameters[name]["schema"]
        assert (schema["type"], schema["items"]["type"]) == ("array", "integer")
    assert all((item["in"], item["required"]) == ("query", False) for item in parameters.values())


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/limit-response")
def test_pages_of_the_list(world: World) -> None:
    orders = [world.order() for _ in range(5)]
    every = world.jobs(limit=10_000)
    assert every[:5] == [address.rsplit("/", 1)[1] for address in reversed(orders)]
    seen: list[str] = []
    page = world.get("/jobs", limit=2)
    while True:
        assert len(page["jobs"]) <= 2
        seen += [job["jobID"] for job in page["jobs"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        page = world.get(following[0])
    assert seen == every


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/type-response")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/processID-response")
@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/status-response")
def test_jobs_of_a_kind(world: World) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    path = "/processes/ellipsoid-area/execution"
    other = world.served.client.post(path, json={"inputs": {"parcels": square}}, headers=ASYNC).headers["location"]
    echo = world.order()
    world.ended(other)
    world.ended(echo)
    other, echo = (address.rsplit("/", 1)[1] for address in (other, echo))
    world.served.going.clear()
    waiting = world.order().rsplit("/", 1)[1]
    assert {echo, other, waiting} <= set(world.jobs(type="process", limit=10_000))
    assert other in world.jobs(processID="ellipsoid-area", limit=100)
    assert {echo, other} <= set(world.jobs(processID="ellipsoid-area,echo", limit=1000))
    assert echo not in world.jobs(processID="ellipsoid-area", limit=1000)
    assert world.jobs(processID="no-such") == []
    assert waiting in world.jobs(status="accepted")
    assert waiting not in world.jobs(status=["successful", "failed"], limit=1000)
    assert {echo, other} <= set(world.jobs(status=["successful", "running"], limit=1000))
    world.served.going.set()


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/datetime-response")
def test_jobs_of_a_time(world: World) -> None:
    address = world.order()
    created, job = world.get(address)["created"], address.rsplit("/", 1)[1]
    for datetime in (created, f"{created}/..", f"/{created}", "2020-01-01/2100-01-01T00:00:00Z", "../.."):
        assert job in world.jobs(datetime=datetime, limit=10_000), datetime
    for datetime in ("2020-01-01", "../2020-01-01T00:00:00Z", "2100-01-01/.."):
        assert world.jobs(datetime=datetime) == []


@pytest.mark.abstract_test(JOB_LIST, "/conf/job-list/duration-response")
def test_jobs_that_took_so_long(world: World) -> None:
    slow, quick = world.order({"pause": 1}), world.order()
    world.ended(slow)
    world.ended(quick)
    slow, quick = (address.rsplit("/", 1)[1] for address in (slow, quick))
    long, short = world.jobs(minDuration=1, limit=10_000), world.jobs(maxDuration=0, limit=10_000)
    assert slow in long
    assert quick not in long
    assert slow not in short
    assert {slow, quick} <= set(world.jobs(minDuration=0, maxDuration=1000, limit=10_000))
    assert world.jobs(minDuration=1000) == []
