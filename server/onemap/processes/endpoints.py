"""The operations of Processes 1.0 as data: paths, parameters, what they answer."""

from __future__ import annotations

from typing import Any

from onemap.block import GEOJSON, JSON, Endpoint, Parameter, Response
from onemap.processes.job_filter import PARAMETERS as JOB_PARAMETERS
from onemap.processes.job_routes import JobHandlers
from onemap.processes.preferences import MOST_SECONDS
from onemap.processes.routes import MAX_LIMIT, Handlers
from onemap.processes.schemas import CALLBACKS, EXECUTE
from onemap.processes.status import EVENT_STREAM

_PROCESS = Parameter("processID", {"type": "string"}, "Identifier of a process.", place="path")
_JOB = Parameter("jobID", {"type": "string"}, "Identifier of a job.", place="path")
_OUTPUT = Parameter("outputID", {"type": "string"}, "Identifier of an output.", place="path")
_LIMIT = Parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
    "Most processes in the list.",
)
_PREFER = Parameter(
    "Prefer",
    {"type": "string"},
    "respond-async: make a job. wait=N: make a job and wait for its outcome, N seconds at most"
    f" ({MOST_SECONDS} at the longest); both: the same, said plainly.",
    place="header",
)
_FILE = {"type": "string", "format": "binary"}
_OUTPUTS = {"multipart/related": _FILE, "*/*": _FILE}
_LINKED = Response("Links to the outputs, all of which were asked for by reference.", status=204)


def _ref(name: str, text: str, status: int = 200, **content: Any) -> Response:
    return Response(text, {"$ref": f"#/components/schemas/{name}"}, status, **content)


_RESULTS = _ref("results", "The outputs of the process.", content=_OUTPUTS)


def process_endpoints(handlers: Handlers, jobs: bool, callbacks: bool) -> tuple[Endpoint, ...]:
    """Return the operations on processes. ``jobs``: executions can be jobs; ``callbacks``: that call back."""
    made = (_ref("statusInfo", "The job that was made.", 201), _LINKED) if jobs else ()
    return (
        Endpoint(
            "/processes",
            handlers.list,
            "getProcesses",
            "The processes of this server",
            parameters=(_LIMIT,),
            response=_ref("processList", "The processes."),
            json_problems=True,
        ),
        Endpoint(
            "/processes/{processID}",
            handlers.process,
            "getProcessDescription",
            "A process with its inputs and outputs",
            parameters=(_PROCESS,),
            response=_ref("process", "The description of a process."),
            json_problems=True,
        ),
        Endpoint(
            "/processes/{processID}/execution",
            handlers.execute,
            "execute",
            "Execute a process",
            formats=(JSON,),
            parameters=(_PROCESS, *((_PREFER,) if jobs else ())),
            method="POST",
            response=_RESULTS,
            body={JSON.media_type: EXECUTE},
            others=made,
            problems=(429,) if jobs else (),
            json_problems=True,
            any_accept=True,
            callbacks=CALLBACKS if jobs and callbacks else {},
        ),
    )


def job_endpoints(handlers: JobHandlers) -> tuple[Endpoint, ...]:
    """Return the operations on jobs; without jobs, those that say so."""
    status = Endpoint(
        "/jobs/{jobID}",
        handlers.status,
        "getStatus",
        "The status of a job",
        parameters=(_JOB,),
        response=_ref("statusInfo", "The status of the job."),
        json_problems=True,
    )
    results = Endpoint(
        "/jobs/{jobID}/results",
        handlers.results,
        "getResult",
        "The results of a job",
        parameters=(_JOB,),
        response=_RESULTS,
        others=(_LINKED,),
        json_problems=True,
        any_accept=True,
    )
    return (
        (status, results)
        if handlers.jobs is None
        else (_listing(handlers), status, results, *_single(handlers), *_shown(handlers))
    )


def _listing(handlers: JobHandlers) -> Endpoint:
    return Endpoint(
        "/jobs",
        handlers.list,
        "getJobs",
        "Your jobs",
        parameters=JOB_PARAMETERS,
        response=_ref("jobList", "A page of jobs, the newest first."),
        json_problems=True,
    )


def _single(handlers: JobHandlers) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "/jobs/{jobID}",
            handlers.dismiss,
            "dismiss",
            "Stop a job, or remove one that has ended",
            formats=(JSON,),
            parameters=(_JOB,),
            method="DELETE",
            response=_ref("statusInfo", "The job, dismissed."),
            json_problems=True,
        ),
        Endpoint(
            "/jobs/{jobID}/results/{outputID}",
            handlers.output,
            "getOutput",
            "One output of a job",
            formats=(JSON,),
            parameters=(_JOB, _OUTPUT),
            response=_ref("results", "The output.", content={"*/*": _FILE}),
            json_problems=True,
            any_accept=True,
        ),
    )


def _shown(handlers: JobHandlers) -> tuple[Endpoint, ...]:
    """Return what the page of a job reads."""
    return (
        Endpoint(
            "/jobs/{jobID}/drawing",
            handlers.drawing,
            "getDrawing",
            "The parcels of a job, and the pieces where it made them, for its page",
            formats=(GEOJSON,),
            parameters=(_JOB,),
            response=Response("A feature collection; the features say of which `layer` they are.", {"type": "object"}),
            json_problems=True,
        ),
        Endpoint(
            "/jobs/{jobID}/events",
            handlers.status,
            "getEvents",
            "The status of a job as it changes, as server-sent events",
            formats=(),
            parameters=(_JOB,),
            response=Response(
                "Events `status`.",
                content={EVENT_STREAM: {"description": "Events, whose data are the status of the job."}},
            ),
            routed=False,
            json_problems=True,
        ),
    )
