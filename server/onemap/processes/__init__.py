"""OGC API Processes 1.0 (OGC 18-062r2): the analyses that other departments call."""

from __future__ import annotations

from onemap.block import JSON, Block, Endpoint, Links, Parameter, Response, link
from onemap.block.links import Link
from onemap.catalog import load_codes
from onemap.config import Settings, shipped
from onemap.processes.control_lines import ControlLineCheck
from onemap.processes.echo import Echo
from onemap.processes.geometry_check import GeometryCheck
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.nojobs import job
from onemap.processes.parcel_areas import EllipsoidArea, ParcelParse
from onemap.processes.registry import Processes
from onemap.processes.routes import MAX_LIMIT, Handlers
from onemap.processes.schemas import EXECUTE, SCHEMAS
from onemap.processes.sheets import SheetIndex
from onemap.security import Gate

_CONF = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
CONFORMANCE = tuple(_CONF + name for name in ("core", "ogc-process-description", "json", "html", "oas30"))
PROCESSES_REL = "http://www.opengis.net/def/rel/ogc/1.0/processes"
_PROCESS = Parameter("processID", {"type": "string"}, "Identifier of a process.", place="path")
_JOB = Parameter("jobID", {"type": "string"}, "Identifier of a job.", place="path")
_LIMIT = Parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
    "Most processes in the list.",
)

__all__ = ["CONFORMANCE", "Processes", "block", "built_in"]


def built_in() -> Processes:
    """Return the processes that come with the server."""
    return Processes([ControlLineCheck, LanduseBreakdown, EllipsoidArea, ParcelParse, GeometryCheck, SheetIndex, Echo])


def block(gate: Gate, settings: Settings, processes: Processes | None = None) -> Block:
    """Return the block over a gate. Raises ConfigError when a rule catalogue or code list cannot be read."""
    handlers = Handlers(processes or built_in(), gate, settings, load_codes(shipped("codes")))
    return Block(
        id="processes",
        title="Processes",
        conformance=CONFORMANCE,
        endpoints=_endpoints(handlers),
        landing_links=_landing_links,
        schemas=SCHEMAS,
    )


def _landing_links(links: Links) -> list[Link]:
    return [link(links.to("processes", f="json"), PROCESSES_REL, JSON.media_type, "Processes")]


def _ref(name: str, text: str) -> Response:
    return Response(text, {"$ref": f"#/components/schemas/{name}"})


def _endpoints(handlers: Handlers) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "/processes",
            handlers.list,
            "getProcesses",
            "The processes of this server",
            parameters=(_LIMIT,),
            response=_ref("processList", "The processes."),
        ),
        Endpoint(
            "/processes/{processID}",
            handlers.process,
            "getProcessDescription",
            "A process with its inputs and outputs",
            parameters=(_PROCESS,),
            response=_ref("process", "The description of a process."),
        ),
        Endpoint(
            "/processes/{processID}/execution",
            handlers.execute,
            "execute",
            "Execute a process",
            formats=(JSON,),
            parameters=(_PROCESS,),
            method="POST",
            response=_ref("results", "The outputs of the process."),
            body={JSON.media_type: EXECUTE},
        ),
        *(
            Endpoint(path, job, operation, text, formats=(JSON,), parameters=(_JOB,), response=_ref(schema, text))
            for path, operation, text, schema in (
                ("/jobs/{jobID}", "getStatus", "The status of a job", "statusInfo"),
                ("/jobs/{jobID}/results", "getResult", "The results of a job", "results"),
            )
        ),
    )
