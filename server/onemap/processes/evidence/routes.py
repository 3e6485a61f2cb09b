"""The addresses of evidence: ``/evidence/{id}`` and ``/evidence/keys``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from onemap.block import JSON, Block, Call, Document, Endpoint, Parameter, Principal, Reply, Response
from onemap.block.links import Links, link
from onemap.block.query import shorten
from onemap.errors import NotFound
from onemap.processes.evidence.model import Evidence
from onemap.processes.evidence.notary import Notary
from onemap.processes.evidence.verify import signed
from onemap.security import Gate

JWK_SET = "application/jwk-set+json"
_ID = Parameter("evidenceID", {"type": "string"}, "Identifier of evidence.", place="path")
_OBJECT = {"type": "object"}
_TEXT = {"type": "string"}
_RULES = {
    "type": "object",
    "properties": {
        "catalogue": _TEXT,
        "version": _TEXT,
        "effective": _TEXT,
        "digest": {"type": "string", "description": "SHA-256 of what the rules say; older evidence lacks it."},
    },
}
SCHEMAS = {
    "evidence": {
        "type": "object",
        "required": ["id", "statement", "envelope", "verification", "links"],
        "properties": {
            "id": {"type": "string"},
            "statement": {
                "type": "object",
                "required": ["id", "process", "request", "parcels", "data", "software", "policy", "result", "attested"],
                "properties": {
                    "id": {"type": "string"},
                    "process": _OBJECT,
                    "request": _OBJECT,
                    "parcels": _OBJECT,
                    "rules": {"type": "array", "items": _RULES},
                    "data": {"type": "array", "items": _OBJECT},
                    "software": _OBJECT,
                    "policy": _OBJECT,
                    "thresholds": _OBJECT,
                    "result": _OBJECT,
                    "attested": {"type": "string", "format": "date-time"},
                },
            },
            "envelope": {
                "type": "object",
                "required": ["payloadType", "payload", "signatures"],
                "properties": {"payloadType": {"type": "string"}, "payload": {"type": "string"},
                               "signatures": {"type": "array", "items": _OBJECT}},
            },
            "verification": {
                "type": "object",
                "required": ["signature", "repeatable"],
                "properties": {"signature": {"type": "boolean"}, "repeatable": {"type": "boolean"}},
            },
            "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
        },
    },
    "evidenceKeys": {
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": _OBJECT}},
    },
}  # fmt: skip


def block(gate: Gate, notary: Notary) -> Block:
    """Return the block of evidence."""
    handlers = Handlers(gate, notary)
    return Block(
        id="evidence",
        title="Evidence",
        conformance=(),
        endpoints=(
            Endpoint("/evidence/keys", handlers.keys, "getEvidenceKeys", "The public keys of evidence", (JSON,),
                     response=_ref("evidenceKeys", "A JSON Web Key set.", JWK_SET)),
            Endpoint("/evidence/{evidenceID}", handlers.evidence, "getEvidence", "Evidence of a result",
                     parameters=(_ID,), response=_ref("evidence", "The record and whether its signature holds.")),
        ),
        schemas=SCHEMAS,
    )  # fmt: skip


def _ref(name: str, text: str, *others: str) -> Response:
    """Return an answer with a schema, as JSON and under other media types."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return Response(text, schema, content=dict.fromkeys(others, schema))


@dataclass(frozen=True)
class Handlers:
    """The operations on evidence."""

    gate: Gate
    notary: Notary

    async def keys(self, call: Call) -> Reply:
        """Give the public keys as a JSON Web Key set (RFC 7517)."""
        found = await anyio.to_thread.run_sync(self.notary.public_keys)
        return Document({"keys": [dict(key) for key in found]}, media_type=JWK_SET)

    async def evidence(self, call: Call) -> Reply:
        """Give a record to those who may see all layers that it names."""
        data = await anyio.to_thread.run_sync(self._record, call)
        return Document(data, "evidence/record.html")

    def _record(self, call: Call) -> dict[str, Any]:
        wanted = call.path["evidenceID"]
        found = self.notary.store.get(wanted)
        if found is None or not self._visible(found, call.principal):
            raise NotFound(f"There is no evidence '{shorten(wanted)}'.")
        repeatable = self.notary.store.question(found.id) is not None
        verification = {
            "signature": signed(found, self.notary.public_keys()),
            "keyid": found.keyid,
            "repeatable": repeatable,
        }
        return {
            "id": found.id,
            "statement": found.statement,
            "envelope": found.envelope(),
            "verification": verification,
            "links": [*call.own_links(), *_links(call.links, found)],
        }

    def _visible(self, found: Evidence, principal: Principal) -> bool:
        """Whether a principal may see the layers that a record names: else it would tell that they are there."""
        seen = {view.collection.id for view in self.gate.views(principal)}
        return {item["collection"] for item in found.statement["data"]} <= seen


def _links(links: Links, found: Evidence) -> list[dict[str, str | bool]]:
    process = found.statement["process"]["id"]
    return [
        link(links.to("processes", process), "related", JSON.media_type, "The process"),
        link(links.to("evidence", "keys"), "related", JWK_SET,
             "The public keys"),
    ]  # fmt: skip
