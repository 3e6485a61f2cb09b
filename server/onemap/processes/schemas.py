"""Component schemas of the OpenAPI document for Processes 1.0 (after the schemas of OGC 18-062r2, clause 7)."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_URI = {"type": "string", "format": "uri"}
_LINKS = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
_TITLES = {"title": _TEXT, "description": _TEXT}
_OPEN: dict[str, Any] = {}
_FORMAT: dict[str, Any] = {
    "type": "object",
    "properties": {"mediaType": _TEXT, "encoding": _TEXT, "schema": {"oneOf": [_TEXT, {"type": "object"}]}},
}
_SUMMARY = {
    "id": _TEXT,
    "version": _TEXT,
    **_TITLES,
    "keywords": {"type": "array", "items": _TEXT},
    "jobControlOptions": {
        "type": "array",
        "items": {"type": "string", "enum": ["sync-execute", "async-execute", "dismiss"]},
    },
    "outputTransmission": {"type": "array", "items": {"type": "string", "enum": ["value", "reference"]}},
    "links": _LINKS,
}
_DESCRIBED = {"type": "object", "required": ["schema"], "properties": {**_TITLES, "schema": {"type": "object"}}}
_INPUT = {
    **_DESCRIBED,
    "properties": {
        **_TITLES,
        "schema": {"type": "object"},
        "minOccurs": {"type": "integer", "minimum": 0},
        "maxOccurs": {"type": "integer", "minimum": 1},
    },
}

SCHEMAS: dict[str, Any] = {
    "processSummary": {"type": "object", "required": ["id", "version"], "properties": _SUMMARY},
    "processList": {
        "type": "object",
        "required": ["processes", "links"],
        "properties": {
            "processes": {"type": "array", "items": {"$ref": "#/components/schemas/processSummary"}},
            "links": _LINKS,
        },
    },
    "process": {
        "type": "object",
        "required": ["id", "version"],
        "properties": {
            **_SUMMARY,
            "inputs": {"type": "object", "additionalProperties": _INPUT},
            "outputs": {"type": "object", "additionalProperties": _DESCRIBED},
        },
    },
    "results": {"description": "One output as it is, or an object with a member for each output."},
    "statusInfo": {
        "type": "object",
        "required": ["jobID", "processID", "status", "type"],
        "properties": {
            "jobID": _TEXT,
            "processID": _TEXT,
            "type": {"type": "string", "enum": ["process"]},
            "status": {"type": "string", "enum": ["accepted", "running", "successful", "failed", "dismissed"]},
            "message": _TEXT,
            "progress": {"type": "integer", "minimum": 0, "maximum": 100},
            "created": _TIME,
            "started": _TIME,
            "finished": _TIME,
            "updated": _TIME,
            "links": _LINKS,
        },
    },
    "jobList": {
        "type": "object",
        "required": ["jobs", "links"],
        "properties": {
            "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/statusInfo"}},
            "links": _LINKS,
        },
    },
    "subscriber": {
        "type": "object",
        "required": ["successUri"],
        "properties": {"successUri": _URI, "inProgressUri": _URI, "failedUri": _URI},
    },
    "execute": {
        "type": "object",
        "properties": {
            "inputs": {"type": "object", "additionalProperties": _OPEN},
            "outputs": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "transmissionMode": {
                            "type": "string",
                            "enum": ["value", "reference"],
                            "default": "value",
                        },
                        "format": _FORMAT,
                    },
                },
            },
            "response": {"type": "string", "enum": ["raw", "document"], "default": "raw"},
            "subscriber": {"$ref": "#/components/schemas/subscriber"},
        },
        "example": {"inputs": {"echo": "OneMap"}, "outputs": {"echo": {}}, "response": "raw"},
    },
}
EXECUTE: dict[str, Any] = {"$ref": "#/components/schemas/execute"}


def _callback(member: str, schema: str, text: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    taken = {"2XX": {"description": "It was taken; anything else is tried again, a few times."}}
    post = {"summary": text, "requestBody": {"required": True, "content": content}, "responses": taken}
    return {f"{{$request.body#/subscriber/{member}}}": {"post": post}}


CALLBACKS: dict[str, Any] = {
    "jobCompleted": _callback("successUri", "results", "The results of a job that has succeeded"),
    "jobInProgress": _callback("inProgressUri", "statusInfo", "The status of a job that is worked on"),
    "jobFailed": _callback("failedUri", "statusInfo", "The status of a job that has failed"),
}
