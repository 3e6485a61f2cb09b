"""The abstract tests of OGC API Processes 1.0 (18-062r2, Annex A) by class: each has a test in this ring."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = {
    "core": """
        api-definition-op api-definition-success conformance-op conformance-success http
        job-creation-auto-execution-mode job-creation-default-execution-mode job-creation-default-outputs
        job-creation-input-array job-creation-input-inline job-creation-input-inline-bbox
        job-creation-input-inline-binary job-creation-input-inline-mixed job-creation-input-inline-object
        job-creation-input-ref job-creation-input-validation job-creation-inputs job-creation-op
        job-creation-request job-creation-success-async job-creation-success-header-async
        job-creation-sync-document job-creation-sync-raw-mixed-multi job-creation-sync-raw-ref
        job-creation-sync-raw-value-multi job-creation-sync-raw-value-one job-exception-no-such-job job-op
        job-results job-results-async-document job-results-async-raw-mixed-multi job-results-async-raw-ref
        job-results-async-raw-value-multi job-results-async-raw-value-one job-results-exception-no-such-job
        job-results-exception-results-not-ready job-results-failed job-results-success job-results-sync
        job-success landingpage-op landingpage-success pl-limit-definition pl-limit-response pl-links process
        process-exception-no-such-process process-list process-list-success process-success
    """,
    "ogc-process-description": """
        input-def input-mixed-type inputs-def json-encoding output-def output-mixed-type outputs-def
    """,
    "json": """
        definition
    """,
    "html": """
        content definition
    """,
    "oas30": """
        completeness exceptions-codes oas-definition-1 oas-definition-2 oas-impl security
    """,
    "job-list": """
        datetime-definition datetime-response duration-definition duration-response job-list-op job-list-success
        limit-definition limit-response links processID-definition processID-mandatory processID-response
        status-definition status-response type-definition type-response
    """,
    "callback": """
        job-callback
    """,
    "dismiss": """
        job-dismiss-op job-dismiss-success
    """,
}
_MARK = re.compile(r'"(/conf/[^"]+)"')


@pytest.mark.parametrize("kind", TESTS)
def test_every_abstract_test_has_a_test(kind: str) -> None:
    modules = Path(__file__).parent.glob("test_processes*.py")
    marked = {name for path in modules for name in _MARK.findall(path.read_text(encoding="utf-8"))}
    expected = {f"/conf/{kind}/{name}" for name in TESTS[kind].split()}
    assert expected <= marked, expected - marked
    assert {name for name in marked if name.startswith(f"/conf/{kind}/")} <= expected
