"""What evidence is, and what a store of it does."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import orjson

from onemap.errors import InvalidBody
from onemap.security.signing import Jwk

PAYLOAD_TYPE = "application/vnd.onemap.evidence+json"


def canonical(value: Any) -> bytes:
    """Return JSON in one form only: members in the order of their names, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes as results name it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A signed statement about a result. ``payload``: the statement as it was signed, canonical JSON."""

    id: str
    payload: bytes
    keyid: str
    signature: bytes

    @property
    def statement(self) -> dict[str, Any]:
        """The statement."""
        made: dict[str, Any] = orjson.loads(self.payload)
        return made

    def envelope(self) -> dict[str, Any]:
        """Return the statement and its signature as a DSSE envelope."""
        signature = {"keyid": self.keyid, "sig": base64.b64encode(self.signature).decode()}
        payload = base64.b64encode(self.payload).decode()
        return {"payloadType": PAYLOAD_TYPE, "payload": payload, "signatures": [signature]}

    @classmethod
    def from_envelope(cls, envelope: Any) -> Self:
        """Return the evidence of an envelope, not yet verified. Raises InvalidBody when it is none."""
        try:
            payload = base64.b64decode(envelope["payload"], validate=True)
            signed = envelope["signatures"][0]
            known = envelope["payloadType"] == PAYLOAD_TYPE
            identifier = orjson.loads(payload)["id"]
            signature = base64.b64decode(signed["sig"], validate=True)
            made = cls(str(identifier), payload, str(signed["keyid"]), signature)
        except (KeyError, IndexError, TypeError, ValueError):
            raise InvalidBody("This is not the envelope of evidence (DSSE).") from None
        if not known:
            raise InvalidBody(f"The payload is not of the type {PAYLOAD_TYPE}.")
        return made


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, so that it can be asked again: canonical inputs, language, and who asked."""

    process: str
    inputs: Mapping[str, Any]
    lang: str
    owner: str
    roles: tuple[str, ...] = ()

    def json(self) -> bytes:
        """Return the question as it is stored."""
        return canonical({"process": self.process, "inputs": self.inputs, "lang": self.lang, "owner": self.owner,
                          "roles": sorted(self.roles)})  # fmt: skip

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Return a question as it was stored."""
        found = orjson.loads(content)
        return cls(found["process"], found["inputs"], found["lang"], found["owner"], tuple(found["roles"]))


class EvidenceStore(Protocol):
    """A store of evidence. Methods block; every one is a transaction of its own. Raises Unavailable."""

    def add(self, evidence: Evidence, key: Jwk, question: bytes | None) -> Evidence:
        """Keep evidence, its key and the question asked; return what is kept: the first under an id stays."""
        ...

    def get(self, identifier: str) -> Evidence | None:
        """Return evidence by id; None where there is none."""
        ...

    def question(self, identifier: str) -> bytes | None:
        """Return what was asked; None where it was not kept or is kept no more."""
        ...

    def public_keys(self) -> Sequence[Jwk]:
        """Return the public keys that signed what is kept here, the first one first."""
        ...
