"""OGC API Processes 1.0 (OGC 18-062r2): the analyses that other departments call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from onemap.block import JSON, Block, Links, Metric, RawRoute, link
from onemap.block.links import Link
from onemap.catalog import load_codes
from onemap.config import Settings, shipped
from onemap.processes.control_lines import ControlLineCheck
from onemap.processes.desk import Desk
from onemap.processes.echo import Echo
from onemap.processes.endpoints import job_endpoints, process_endpoints
from onemap.processes.events import PATTERN, EventApp
from onemap.processes.farmland import FarmlandChange
from onemap.processes.geometry_check import GeometryCheck
from onemap.processes.job_routes import JobHandlers
from onemap.processes.jobs import JobStore
from onemap.processes.jobs.metrics import job_metrics
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.model import Process
from onemap.processes.parcel_areas import EllipsoidArea, ParcelParse
from onemap.processes.pygeoapi import with_plugins
from onemap.processes.registry import Processes
from onemap.processes.reviews import (
    CompensationCheck,
    ConversionReview,
    MineralOverlay,
    PlanConformity,
    PreliminaryReview,
    SiteAvoidance,
)
from onemap.processes.routes import Handlers
from onemap.processes.schemas import SCHEMAS
from onemap.processes.sheets import SheetIndex
from onemap.processes.shelf import RuleShelf
from onemap.processes.status import JOB_LIST_REL
from onemap.security import Gate

_CONF = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
CONFORMANCE = tuple(_CONF + name for name in ("core", "ogc-process-description", "json", "html", "oas30"))
JOB_LIST, DISMISS, CALLBACK = (_CONF + name for name in ("job-list", "dismiss", "callback"))
PROCESSES_REL = "http://www.opengis.net/def/rel/ogc/1.0/processes"

__all__ = ["CONFORMANCE", "Processes", "available", "block", "built_in"]


def built_in() -> Processes:
    """Return the processes that come with the server."""
    reviews: list[type[Process]] = [
        PreliminaryReview,
        ConversionReview,
        CompensationCheck,
        MineralOverlay,
        PlanConformity,
        SiteAvoidance,
    ]
    parcels: list[type[Process]] = [ParcelParse, GeometryCheck, EllipsoidArea, SheetIndex]
    return Processes([ControlLineCheck, LanduseBreakdown, FarmlandChange, *reviews, *parcels, Echo])


def available(settings: Settings) -> Processes:
    """Return the processes of an instance: those that come with the server, and plug-ins. Raises ConfigError."""
    return with_plugins(built_in(), settings.processes.plugins)


def block(
    gate: Gate,
    settings: Settings,
    processes: Processes | None = None,
    jobs: JobStore | None = None,
    desk: Desk | None = None,
) -> Block:
    """Return the block over a gate. ``jobs``: where jobs are kept; None: every execution is answered at once.

    ``desk``: what reports and evidence are made with.

    Raises ConfigError when a rule catalogue or code list cannot be read.
    """
    known = processes or available(settings)
    desk = desk or Desk()
    handlers = Handlers(known, gate, settings, load_codes(shipped("codes")), jobs, desk)
    callbacks = jobs is not None and bool(settings.processes.callbacks.hosts)
    return Block(
        id="processes",
        title="Processes",
        conformance=(*CONFORMANCE, *_of_jobs(jobs, callbacks)),
        endpoints=(
            *process_endpoints(handlers, jobs is not None, callbacks),
            *job_endpoints(JobHandlers(jobs, known)),
        ),
        raw=(RawRoute(PATTERN, EventApp(jobs)),) if jobs else (),
        landing_links=partial(_landing_links, jobs is not None),
        schemas=SCHEMAS,
        metrics=partial(_metrics, job_metrics(jobs), desk.shelf),
    )


def _of_jobs(jobs: JobStore | None, callbacks: bool) -> list[str]:
    """Return the conformance classes of jobs that hold for everybody."""
    if jobs is None:
        return []
    return [*([JOB_LIST] if jobs.settings.listed else []), DISMISS, *([CALLBACK] if callbacks else [])]


def _metrics(jobs: Callable[[], list[Metric]], shelf: RuleShelf | None) -> list[Metric]:
    return [*jobs(), *(shelf.metrics() if shelf else ())]


def _landing_links(jobs: bool, links: Links) -> list[Link]:
    made = [link(links.to("processes", f="json"), PROCESSES_REL, JSON.media_type, "Processes")]
    if jobs:
        made.append(link(links.to("jobs", f="json"), JOB_LIST_REL, JSON.media_type, "Jobs"))
    return made
