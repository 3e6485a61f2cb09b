"""The notary: attests results, and says under which address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onemap.errors import Unavailable
from onemap.processes.evidence.model import PAYLOAD_TYPE, Evidence, EvidenceStore, Question, canonical, digest
from onemap.processes.evidence.statement import (
    attestable,
    base_of,
    identifier,
    inputs_of,
    result_bytes,
    statement_of,
)
from onemap.processes.model import Context, Process
from onemap.security.signing import Jwk, Signer

_log = logging.getLogger("onemap.evidence")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Notary:
    """Signs statements about results and keeps them. ``keep_inputs``: also what was asked, for a re-run."""

    signer: Callable[[], Signer]
    store: EvidenceStore
    keep_inputs: bool = True
    clock: Callable[[], datetime] = _now

    def public_keys(self) -> list[Jwk]:
        """Return the public keys that evidence is signed by: the one in use, and those that were."""
        own = self.signer().key
        return [own, *(key for key in self.store.public_keys() if key["kid"] != own["kid"])]

    def address(self, process: Process, result: Mapping[str, Any], context: Context) -> str:
        """Return the address of the evidence of a result, absolute where the server knows its own."""
        base = context.settings.service.public_url or ""
        return f"{base}/evidence/{identifier(base_of(process, result, context))}"

    def attest(self, process: Process, result: Any, context: Context) -> Evidence | None:
        """Keep evidence of a result and return it; None where none can be given or kept, which the log says.

        None, too, where there is evidence of another result of the same: data were changed and not their version.

        Raises Unavailable when it cannot be kept and a report was wanted, which names its address.
        """
        if not attestable(result):
            return None
        try:
            return self._attest(process, result, context)
        except (Unavailable, OSError) as error:
            _log.error("request %s: no evidence was kept: %s", context.request_id, error)
            if "report" in context.wanted:
                raise Unavailable("The evidence that the report names cannot be kept at the moment.") from None
            return None

    def _attest(self, process: Process, result: Mapping[str, Any], context: Context) -> Evidence | None:
        base = base_of(process, result, context)
        known = self.store.get(identifier(base))
        if known is not None:
            return known if self._same(known, result, context) else None
        moment = self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        statement = statement_of(base, result, moment)
        payload, signer = canonical(statement), self.signer()
        made = Evidence(statement["id"], payload, signer.key["kid"], signer.sign(PAYLOAD_TYPE, payload))
        return self.store.add(made, signer.key, self._question(process, context))

    def _question(self, process: Process, context: Context) -> bytes | None:
        if not self.keep_inputs:
            return None
        principal = context.principal
        asked = Question(process.id, inputs_of(process), context.lang, principal.name, tuple(principal.roles))
        return asked.json()

    def _same(self, known: Evidence, result: Mapping[str, Any], context: Context) -> bool:
        """Whether the same question on the same data gave the same bytes as before; if not, the log says so."""
        same: bool = known.statement["result"]["digest"] == digest(result_bytes(result))
        if not same:
            text = "request %s: the result is not the one of evidence %s, although nothing that it names has changed"
            _log.error(text, context.request_id, known.id)
        return same
