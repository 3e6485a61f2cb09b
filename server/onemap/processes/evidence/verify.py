"""Verification of evidence: its signature, its id, and whether the same question gives the same bytes today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from onemap.block import Principal
from onemap.errors import NoSuchProcess
from onemap.processes.evidence.model import PAYLOAD_TYPE, Evidence, Question, canonical, digest
from onemap.processes.evidence.statement import base_of, identifier, result_bytes
from onemap.processes.inputs import bind
from onemap.processes.model import Context
from onemap.processes.registry import Processes
from onemap.processes.rulebook import day_of
from onemap.security.signing import Jwk, verifies


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: what, whether it holds, and more words. ``fatal``: whether it spoils the verdict."""

    what: str
    holds: bool
    detail: str = ""
    fatal: bool = True


def signed(evidence: Evidence, keys: Sequence[Jwk]) -> bool:
    """Whether a signature is that of one of these keys and the id that of the statement."""
    return all(finding.holds for finding in signature_findings(evidence, keys))


def signature_findings(evidence: Evidence, keys: Sequence[Jwk]) -> Iterator[Finding]:
    """Yield what the record says of itself: the key is known, the signature is by it, the id follows."""
    key = next((item for item in keys if item.get("kid") == evidence.keyid), None)
    yield Finding("key", key is not None, f"{evidence.keyid}" if key else f"{evidence.keyid} is not a trusted key")
    holds = key is not None and verifies(key, PAYLOAD_TYPE, evidence.payload, evidence.signature)
    yield Finding("signature", holds, "" if holds else "the statement is not what was signed")
    same = identifier(evidence.statement) == evidence.id == evidence.statement.get("id")
    yield Finding("id", same, "" if same else "the id is not the digest of what the statement names")


def result_finding(evidence: Evidence, content: bytes) -> Finding:
    """Return whether a file is the result that was attested."""
    expected, found = evidence.statement["result"]["digest"], digest(content)
    return Finding("result file", expected == found, "" if expected == found else f"{found} instead of {expected}")


def rerun(evidence: Evidence, question: bytes | None, processes: Processes, context: Context) -> Iterator[Finding]:
    """Ask the question again and yield what is not as it was: data, rules, software, policy, and the bytes.

    The rules are those of the day on which the result was attested. Raises what the process raises.
    """
    if question is None:
        yield Finding("re-run", False, "the inputs were not kept")
        return
    asked = Question.read(question)
    then = evidence.statement
    content = {"process": asked.process, "inputs": asked.inputs, "lang": asked.lang}
    same = digest(canonical(content)) == then["request"]["digest"]
    yield Finding("inputs", same, "" if same else "the inputs that were kept are not those that were attested")
    try:
        process = bind(processes.get(asked.process), asked.inputs)
    except NoSuchProcess:
        yield Finding("re-run", False, f"there is no process '{asked.process}' any more")
        return
    who = Principal(asked.owner, frozenset(asked.roles))
    own = replace(
        context, principal=who, lang=asked.lang, wanted={}, day=day_of(datetime.fromisoformat(then["attested"]))
    )
    result = process(own)["result"]
    changed = list(differences(then, base_of(process, result, own)))
    yield from changed
    before, now = then["result"]["digest"], digest(result_bytes(result))
    detail = "" if before == now else f"{now} instead of {before}"
    if before != now and not changed:
        detail += "; nothing that the statement names has changed"
    yield Finding("bytes of the result", before == now, detail)


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what a result rests on today that it did not rest on then; none of it spoils the verdict by itself."""
    yield from _data(then["data"], now["data"])
    yield from _rules(then.get("rules") or (), now.get("rules") or ())
    for name in ("process", "software", "areaDefinition", "policy", "thresholds", "parcels"):
        if canonical(then.get(name)) != canonical(now.get(name)):
            yield Finding(name, False, f"{_short(now.get(name))} instead of {_short(then.get(name))}", fatal=False)


def _data(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    before = {item["collection"]: item for item in then}
    today = {item["collection"]: item for item in now}
    for name in dict.fromkeys([*before, *today]):
        old, new = before.get(name), today.get(name)
        if old is None or new is None:
            yield Finding(f"data {name}", False, "not used then" if old is None else "not used any more", fatal=False)
        elif old != new:
            detail = f"version {new['version']} ({new['date']}) instead of {old['version']} ({old['date']})"
            yield Finding(f"data {name}", False, detail, fatal=False)


def _rules(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield the catalogues that say something else; of what older evidence does not state nothing can be said."""
    before = {item.get("catalogue"): item for item in then}
    today = {item.get("catalogue"): item for item in now}
    for name in dict.fromkeys([*before, *today]):
        old, new = before.get(name), today.get(name)
        if old is None or new is None:
            yield Finding(f"rules {name}", False, "not used then" if old is None else "not used any more", fatal=False)
        elif old != {member: value for member, value in new.items() if member in old or member != "digest"}:
            yield Finding(f"rules {name}", False, f"{_version(new)} instead of {_version(old)}", fatal=False)


def _version(rules: Mapping[str, Any]) -> str:
    said = f", {rules['digest']}" if "digest" in rules else ""
    return f"version {rules.get('version')} ({rules.get('effective')}{said})"


def _short(value: Any) -> str:
    return canonical(value).decode()[:200]
