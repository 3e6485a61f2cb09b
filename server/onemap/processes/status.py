"""The status of a job as a document (statusInfo.yaml of OGC 18-062r2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from onemap.block import HTML, JSON, Links, link
from onemap.block.links import Link
from onemap.processes.jobs import Job

_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
JOB_LIST_REL = _REL + "job-list"
RESULTS_REL = _REL + "results"
EXCEPTIONS_REL = _REL + "exceptions"
EVIDENCE_REL = "describedby"
"""What leads from a result to its evidence, in headers and in documents."""
EVENT_STREAM = "text/event-stream"


def status_info(job: Job, links: Links) -> dict[str, Any]:
    """Return the status of a job; members without a value are left out."""
    times = {"created": job.created, "started": job.started, "finished": job.finished, "updated": job.updated}
    return {
        "jobID": job.id,
        "processID": job.process,
        "type": "process",
        "status": job.status,
        **({"message": job.message} if job.message else {}),
        "progress": job.progress,
        **{name: _moment(time) for name, time in times.items() if time is not None},
        "links": _links(job, links),
    }


def _moment(time: datetime) -> str:
    """Return a time in UTC, as precisely as it is kept, so that the job list finds it again (RFC 3339)."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _links(job: Job, links: Links) -> list[Link]:
    here = links.to("jobs", job.id)
    made = [
        link(links.to("jobs", job.id, f="json"), "self", JSON.media_type, "This job"),
        link(links.to("jobs", job.id, f="html"), "alternate", HTML.media_type, "This job as HTML"),
        link(links.to("jobs"), "up", JSON.media_type, "All jobs"),
        link(links.to("processes", job.process), "related", JSON.media_type, "The process"),
    ]
    results = links.to("jobs", job.id, "results")
    if job.status == "successful":
        return [*made, link(results, RESULTS_REL, JSON.media_type, "The results"), *_evidence(job, links)]
    if job.status == "failed":
        return [*made, link(results, EXCEPTIONS_REL, JSON.media_type, "What went wrong")]
    if job.status == "dismissed":
        return made
    events = link(links.to("jobs", job.id, "events"), "alternate", EVENT_STREAM, "The status as it changes")
    return [*made, link(here, "monitor", JSON.media_type, "The status"), events]


def _evidence(job: Job, links: Links) -> list[Link]:
    """Return the link to the evidence of the result, where there is any."""
    if job.evidence is None:
        return []
    return [link(links.to("evidence", job.evidence), EVIDENCE_REL, JSON.media_type, "Evidence of the result")]
