"""The statement about a result: what it was made of, and the digest of its bytes. Its id follows from the former."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter

from onemap import __version__
from onemap.config import ProcessSettings
from onemap.processes.catalogues import digest_of
from onemap.processes.evidence.model import canonical, digest
from onemap.processes.model import JSON_MEDIA_TYPE, Context, Process
from onemap.processes.nesting import data_of, is_single, nested
from onemap.processes.parcels import ParcelDocument

_ADMIN = "admin"
_BASE = ("process", "request", "parcels", "areaDefinition", "rules", "data", "software", "policy", "thresholds")
"""The members that decide the bytes of a result: the id is their digest."""


def inputs_of(process: Process) -> dict[str, Any]:
    """Return the inputs of a process as an execute request may hold them, in one form whatever form they came in."""
    found = {name: getattr(process, name) for name in type(process).model_fields}
    return {name: _json(value) for name, value in found.items() if value is not None}


def _json(value: Any) -> Any:
    if not isinstance(value, ParcelDocument):
        return TypeAdapter(type(value)).dump_python(value, mode="json")
    if isinstance(value.data, bytes):
        content = base64.b64encode(value.data).decode()
        return {"value": content, "encoding": "base64", "mediaType": value.media_type}
    return {"value": value.data, "mediaType": value.media_type}


def base_of(process: Process, result: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return what the result was made of."""
    parcels = result["parcels"]
    asked = {"process": process.id, "inputs": inputs_of(process), "lang": context.lang}
    return {
        "process": dict(result["process"]),
        "request": {"digest": digest(canonical(asked)), "lang": context.lang},
        "parcels": {name: parcels[name] for name in ("count", "area", "crs", "digest")},
        "areaDefinition": result.get("areaDefinition"),
        "rules": _rules(result, context),
        "data": [
            {name: item.get(name) for name in ("collection", "role", "version", "date")} for item in data_of(result)
        ],
        "software": {"name": "onemap", "version": __version__},
        "policy": {"zone": context.settings.zone, "digest": _policy(process, context)},
        "thresholds": _thresholds(context.settings.processes),
    }


def identifier(base: Mapping[str, Any]) -> str:
    """Return the id of the evidence of what was made of this."""
    return hashlib.sha256(canonical({name: base.get(name) for name in _BASE})).hexdigest()


def result_bytes(result: Any) -> bytes:
    """Return the bytes of a result as a raw response holds them."""
    return orjson.dumps(result)


def statement_of(base: Mapping[str, Any], result: Any, attested: str) -> dict[str, Any]:
    """Return the statement. ``attested``: when it is made, UTC; of the statement, never of the result."""
    content = result_bytes(result)
    told = {"digest": digest(content), "size": len(content), "mediaType": JSON_MEDIA_TYPE}
    return {"id": identifier(base), **base, "result": told, "attested": attested}


def attestable(result: Any) -> bool:
    """Whether a result is one that evidence can be given of: it says process, parcels and data."""
    return is_single(result) and "data" in result


def _rules(result: Mapping[str, Any], context: Context) -> list[dict[str, Any]]:
    """Return the rule catalogues, those of nested results too, each once, with the digest of what they say."""
    found = [result.get("rules"), *(inner.get("rules") for _, inner in nested(result))]
    cited = {canonical(item): dict(item) for item in found if item}.values()
    digests = [digest_of(context.desk.rules, item) for item in cited]
    return [{**item, **({"digest": said} if said else {})} for item, said in zip(cited, digests, strict=True)]


def _policy(process: Process, context: Context) -> str:
    """Return the digest of what the policy lets the caller see of the layers that the process works on."""
    roles = {*process.roles(context.desk.rules), _ADMIN}
    views = [view for view in context.gate.views(context.principal) if view.collection.role in roles]
    return digest(canonical({view.collection.id: view.digest for view in views}))


def _thresholds(settings: ProcessSettings) -> dict[str, float]:
    """Return the settings that may decide what a result says."""
    numbers = settings.model_dump(include={"max_hits", "min_area", "min_width", "search_distance"})
    return {name: float(value) for name, value in sorted(numbers.items())}
