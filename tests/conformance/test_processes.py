"""OGC API Processes 1.0 (18-062r2), Annex A: core, OGC process description, JSON, HTML, OpenAPI 3.0.

Executions that are answered at once, on every kind of collections; those of jobs are in ``test_processes_jobs.py``.
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from onemap.processes.schemas import SCHEMAS as PROCESS_SCHEMAS
from onemap.web.schemas import SCHEMAS

CONF = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
CORE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core"
DESCRIPTION = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description"
JSON_CLASS = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json"
HTML_CLASS = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/html"
OAS30 = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
ACCEPT = {"Accept": "application/json"}
TEXT = "teststring"


def get(server: TestClient, path: str, **query: Any) -> dict[str, Any]:
    response = server.get(path, params=query, headers=ACCEPT)
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"] == "application/json"
    return response.json()


def echo(server: TestClient, inputs: dict[str, Any] | None = None, **more: Any) -> Any:
    body = {"inputs": {"echo": TEXT, **(inputs or {})}, **more}
    return server.post("/processes/echo/execution", json=body, headers=ACCEPT)


def document(server: TestClient, inputs: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    response = echo(server, inputs, response="document", **more)
    assert response.status_code == 200, response.text[:500]
    return response.json()


def validate(value: Any, name: str) -> None:
    components = {"components": {"schemas": {**SCHEMAS, **PROCESS_SCHEMAS}}}
    jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", **components})


def processes(server: TestClient) -> list[dict[str, Any]]:
    return [get(server, f"/processes/{item['id']}") for item in get(server, "/processes")["processes"]]


def openapi(server: TestClient) -> dict[str, Any]:
    return server.get("/api", headers={"Accept": "application/vnd.oai.openapi+json;version=3.0"}).json()


def parts(response: Any) -> dict[str, bytes]:
    """The parts of a multipart/related body by Content-ID."""
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.content, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/related"
    return {
        part["Content-ID"].strip("<>"): part.get_payload(decode=True).strip(b"\r\n") for part in message.iter_parts()
    }


@pytest.mark.abstract_test(CORE, "/conf/core/landingpage-op")
@pytest.mark.abstract_test(CORE, "/conf/core/landingpage-success")
def test_landing_page_links_to_the_processes(server: TestClient) -> None:
    links = {item["rel"]: item["href"] for item in get(server, "/")["links"]}
    assert {"service-desc", "http://www.opengis.net/def/rel/ogc/1.0/processes"} <= links.keys()
    assert {"conformance", "http://www.opengis.net/def/rel/ogc/1.0/conformance"} & links.keys()
    assert get(server, links["http://www.opengis.net/def/rel/ogc/1.0/processes"])["processes"]


@pytest.mark.abstract_test(CORE, "/conf/core/conformance-op")
@pytest.mark.abstract_test(CORE, "/conf/core/conformance-success")
def test_conformance_lists_the_classes(server: TestClient) -> None:
    declared = {uri for uri in get(server, "/conformance")["conformsTo"] if uri.startswith(CONF)}
    jobs = {CONF + "job-list", CONF + "dismiss"} if "/jobs" in openapi(server)["paths"] else set()
    assert declared == {CORE, DESCRIPTION, JSON_CLASS, HTML_CLASS, OAS30} | jobs


@pytest.mark.abstract_test(CORE, "/conf/core/http")
def test_http(server: TestClient) -> None:
    assert server.head("/processes").status_code == 200
    assert server.put("/processes").status_code == 405
    assert "POST" in server.get("/processes/echo/execution").headers["allow"]


@pytest.mark.abstract_test(CORE, "/conf/core/process-list")
@pytest.mark.abstract_test(CORE, "/conf/core/process-list-success")
def test_process_list(server: TestClient) -> None:
    found = get(server, "/processes")
    validate(found, "processList")
    assert {item["id"] for item in found["processes"]} >= {"echo", "control-line-check"}


@pytest.mark.abstract_test(CORE, "/conf/core/pl-limit-definition")
def test_the_limit_parameter_is_defined(server: TestClient) -> None:
    parameters = openapi(server)["paths"]["/processes"]["get"]["parameters"]
    limit = next(item for item in parameters if item["name"] == "limit")
    assert (limit["in"], limit["required"], limit["style"], limit["explode"]) == ("query", False, "form", False)
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}


@pytest.mark.abstract_test(CORE, "/conf/core/pl-limit-response")
def test_the_limit_is_kept(server: TestClient) -> None:
    for limit in (1, 2, 5000):
        assert 1 <= len(get(server, "/processes", limit=limit)["processes"]) <= limit


@pytest.mark.abstract_test(CORE, "/conf/core/pl-links")
def test_process_list_links(server: TestClient) -> None:
    links = get(server, "/processes")["links"]
    assert {(item["rel"], item["type"]) for item in links} >= {
        ("self", "application/json"),
        ("alternate", "text/html"),
    }
    for item in links:
        assert server.get(item["href"]).headers["content-type"].startswith(item["type"])


@pytest.mark.abstract_test(CORE, "/conf/core/process")
@pytest.mark.abstract_test(CORE, "/conf/core/process-success")
def test_process(server: TestClient) -> None:
    for item in processes(server):
        validate(item, "process")
        assert item["jobControlOptions"][0] == "sync-execute"
        assert item["outputTransmission"][0] == "value"
        rels = {link["rel"]: link["href"] for link in item["links"]}
        assert rels["http://www.opengis.net/def/rel/ogc/1.0/execute"].endswith(f"/processes/{item['id']}/execution")


@pytest.mark.abstract_test(CORE, "/conf/core/process-exception-no-such-process")
def test_no_such_process(server: TestClient) -> None:
    for response in (
        server.get("/processes/no-such-thing", headers=ACCEPT),
        server.post("/processes/no-such-thing/execution", json={"inputs": {}}),
    ):
        assert response.status_code == 404
        assert response.json()["type"] == EXCEPTIONS + "no-such-process"


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-op")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-request")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-default-execution-mode")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-default-outputs")
def test_execution_is_synchronous_and_gives_all_outputs(server: TestClient) -> None:
    assert set(document(server)) == set(get(server, "/processes/echo")["outputs"])
    assert document(server, outputs={}) == document(server)


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-inputs")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-inline")
def test_inputs_of_simple_kinds(server: TestClient) -> None:
    found = document(server, {"number": 1.5, "mixed": {"value": "qualified"}})
    assert (found["echo"], found["characters"], found["number"], found["mixed"]) == (TEXT, 10, 1.5, "qualified")


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-array")
def test_input_array(server: TestClient) -> None:
    assert document(server, {"array": [1, 2, 3]})["array"] == [1, 2, 3]


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-inline-object")
def test_input_object(server: TestClient) -> None:
    for given, expected in (({"value": {"a": 1}}, {"a": 1}), ({"a": {"b": 2}}, {"a": {"b": 2}})):
        assert document(server, {"object": given})["object"] == expected
    assert document(server, {"object": {"value": TEXT}})["object"] == {"value": TEXT}


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-inline-mixed")
def test_input_of_mixed_type(server: TestClient) -> None:
    assert [document(server, {"mixed": value})["mixed"] for value in ("a", 2.5, {"value": "b"})] == ["a", 2.5, "b"]


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-inline-binary")
def test_binary_input(server: TestClient) -> None:
    image = base64.b64encode(b"II*\x00\xff").decode()
    for form in ({"mediaType": "image/tiff", "encoding": "base64"}, {"format": {"mediaType": "image/tiff"}}):
        response = echo(server, {"binary": {"value": image, **form}}, outputs={"binary": {}})
        assert (response.headers["content-type"], response.content) == ("image/tiff", b"II*\x00\xff")


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-inline-bbox")
def test_bbox_input(server: TestClient) -> None:
    box = {"bbox": [51.9, 7, 52, 7.1], "crs": "urn:ogc:def:crs:EPSG:6.6:4326"}
    assert document(server, {"bbox": box})["bbox"] == box
    assert document(server, {"bbox": {"value": box}})["bbox"] == box


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-input-validation")
@pytest.mark.parametrize(
    "inputs",
    [
        {"echo": 5},
        {"echo": None},
        {"number": "1"},
        {"number": True},
        {"array": [1, "2"]},
        {"array": {"value": 3}},
        {"object": [1]},
        {"bbox": {"bbox": [1, 2, 3]}},
        {"bbox": {"bbox": [1, 2, 3, "x"]}},
        {"bbox": {"bbox": [1, 2, 3, 4], "box": 1}},
        {"binary": {"type": "wrong/type"}},
        {"binary": {"value": "***", "encoding": "base64"}},
        {"binary": "not base64!"},
        {"pause": -1},
        {"pause": 11},
        {"pause": 1.5},
        {"nothing": 1},
    ],
)
def test_inputs_are_validated(server: TestClient, inputs: dict[str, Any]) -> None:
    response = echo(server, inputs)
    assert response.status_code == 400, response.text
    problem = response.json()
    assert problem["type"]
    assert problem["pointer"].startswith(f"/inputs/{next(iter(inputs))}")


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-raw-value-one")
def test_one_raw_output_stands_alone(server: TestClient) -> None:
    response = echo(server, outputs={"echo": {"transmissionMode": "value"}}, response="raw")
    assert (response.headers["content-type"], response.json()) == ("application/json", TEXT)


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-raw-value-multi")
@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-raw-mixed-multi")
def test_several_raw_outputs_are_multipart(server: TestClient) -> None:
    found = parts(echo(server, {"number": 2}, outputs={"number": {}, "echo": {}}, response="raw"))
    assert found == {"number": b"2.0", "echo": TEXT.encode()}
    everything = parts(echo(server, {"binary": base64.b64encode(b"--onemap-part").decode()}))
    assert everything["binary"] == b"--onemap-part"


@pytest.mark.abstract_test(CORE, "/conf/core/job-creation-sync-document")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-sync")
def test_sync_document(server: TestClient) -> None:
    assert document(server, outputs={"echo": {}, "characters": {}}) == {"echo": TEXT, "characters": 10}


@pytest.mark.abstract_test(CORE, "/conf/core/job-exception-no-such-job")
@pytest.mark.abstract_test(CORE, "/conf/core/job-results-exception-no-such-job")
def test_no_such_job(server: TestClient) -> None:
    for path in ("/jobs/no-such-job", "/jobs/no-such-job/results"):
        response = server.get(path, headers=ACCEPT)
        assert response.status_code == 404
        assert response.json()["type"] == EXCEPTIONS + "no-such-job"


@pytest.mark.abstract_test(CORE, "/conf/core/job-results-failed")
def test_a_failed_execution_is_a_problem(server: TestClient) -> None:
    response = server.post("/processes/echo/execution", json={"invalid-execute-request": "true"}, headers=ACCEPT)
    assert response.status_code == 400
    assert {"type", "title", "status", "detail"} <= response.json().keys()


@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/json-encoding")
@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/inputs-def")
@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/input-def")
@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/outputs-def")
@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/output-def")
def test_inputs_and_outputs_are_described(server: TestClient) -> None:
    for item in processes(server):
        assert item["inputs"]
        assert item["outputs"]
        for described in [*item["inputs"].values(), *item["outputs"].values()]:
            assert described["title"]
            jsonschema.Draft7Validator.check_schema(described["schema"])
            assert "$ref" not in json.dumps(described["schema"])


@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/input-mixed-type")
@pytest.mark.abstract_test(DESCRIPTION, "/conf/ogc-process-description/output-mixed-type")
def test_mixed_types_are_one_of(server: TestClient) -> None:
    item = get(server, "/processes/echo")
    for described in (item["inputs"]["mixed"], item["outputs"]["mixed"]):
        assert [branch["type"] for branch in described["schema"]["oneOf"]] == ["string", "number"]


@pytest.mark.abstract_test(JSON_CLASS, "/conf/json/definition")
def test_json_is_offered_everywhere(server: TestClient) -> None:
    for path in ("/processes", "/processes/echo"):
        for query, headers in (({"f": "json"}, {}), ({}, ACCEPT)):
            response = server.get(path, params=query, headers=headers)
            assert response.headers["content-type"] == "application/json"


@pytest.mark.abstract_test(HTML_CLASS, "/conf/html/definition")
@pytest.mark.abstract_test(HTML_CLASS, "/conf/html/content")
def test_html_is_offered_with_the_same_content(server: TestClient) -> None:
    for path in ("/processes", *(f"/processes/{item['id']}" for item in processes(server))):
        response = server.get(path, headers={"Accept": "text/html"})
        assert response.headers["content-type"].startswith("text/html")
        known = get(server, path)
        for item in known.get("processes", [known]):
            assert item["id"] in response.text
            assert item["title"] in response.text


@pytest.mark.abstract_test(CORE, "/conf/core/api-definition-op")
@pytest.mark.abstract_test(CORE, "/conf/core/api-definition-success")
@pytest.mark.abstract_test(OAS30, "/conf/oas30/oas-definition-1")
@pytest.mark.abstract_test(OAS30, "/conf/oas30/oas-definition-2")
@pytest.mark.abstract_test(OAS30, "/conf/oas30/oas-impl")
@pytest.mark.abstract_test(OAS30, "/conf/oas30/completeness")
def test_the_operations_are_in_the_api_definition(server: TestClient) -> None:
    paths = openapi(server)["paths"]
    found = {
        (path, method): operation["operationId"] for path, item in paths.items() for method, operation in item.items()
    }
    assert found["/processes", "get"] == "getProcesses"
    assert found["/processes/{processID}", "get"] == "getProcessDescription"
    assert found["/processes/{processID}/execution", "post"] == "execute"
    assert found["/jobs/{jobID}", "get"] == "getStatus"
    assert found["/jobs/{jobID}/results", "get"] == "getResult"


@pytest.mark.abstract_test(OAS30, "/conf/oas30/exceptions-codes")
@pytest.mark.abstract_test(OAS30, "/conf/oas30/security")
def test_exceptions_are_in_the_api_definition(server: TestClient) -> None:
    execute = openapi(server)["paths"]["/processes/{processID}/execution"]["post"]
    assert {"200", "400", "404", "413", "415", "422"} <= execute["responses"].keys()
    assert "requestBody" in execute
    assert "security" not in execute  # nothing is asked of the caller in this version
