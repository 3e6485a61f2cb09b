"""The handlers of jobs: list, status, dismissal, results (OGC 18-062r2, clauses 7.12, 7.13, 11 and 13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from onemap.block import HTML, Call, Document, Principal, Reply, link
from onemap.block.query import integer, shorten
from onemap.errors import NoSuchJob
from onemap.processes.job_filter import DEFAULT_LIMIT, MAX_LIMIT, STATUSES, parse_filter
from onemap.processes.jobs import Job, JobStore, StoredResults, read_results
from onemap.processes.registry import Processes
from onemap.processes.results import all_results, drawing, extension, find_output, one_result, output_address
from onemap.processes.status import status_info

_PAGE = "processes/job.html"


@dataclass(frozen=True)
class JobHandlers:
    """The operations on jobs. ``jobs``: None where executions are synchronous, so that there is no job."""

    jobs: JobStore | None
    processes: Processes

    async def list(self, call: Call) -> Reply:
        """List the caller's jobs, the newest first, by pages (/req/job-list/job-list-op)."""
        wanted = parse_filter(call)
        limit, after = integer(call, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT), call.one("next")

        def find() -> tuple[Any, str | None]:
            if not self._listed(call):
                return (), None
            return self._store(call).find(call.principal.name, wanted, limit, after or None)

        found, token = await anyio.to_thread.run_sync(find)
        links = _list_links(call, token)
        titles = self.processes.titles(call.lang)
        page = {"titles": titles, "statuses": STATUSES, "wanted": wanted, "listed": self._listed(call)}
        data = {"jobs": [status_info(job, call.links) for job in found], "links": links}
        return Document(data, "processes/jobs.html", page, headers={"Cache-Control": "no-store"})

    async def status(self, call: Call) -> Reply:
        """Tell the status of a job (/req/core/job-op)."""
        job = await self._on_job(call, lambda store, job: store.get(job, call.principal.name))
        return await self._status_document(call, job)

    async def dismiss(self, call: Call) -> Reply:
        """Stop a job, or remove one that has ended (/req/dismiss/job-dismiss-op)."""
        job = await self._on_job(call, lambda store, job: store.dismiss(job, call.principal.name))
        return Document(status_info(job, call.links))

    async def results(self, call: Call) -> Reply:
        """Give the results of a job in the form that was asked for (/req/core/job-results-op)."""
        if call.format is HTML:
            return await self._status_document(call, await self._done(call))
        return await self._on_results(call, lambda job, kept: all_results(job, kept, call.links))

    async def output(self, call: Call) -> Reply:
        """Give one output of a job by value."""
        return await self._on_results(call, lambda job, kept: one_result(job, find_output(kept, call.path["outputID"])))

    async def drawing(self, call: Call) -> Reply:
        """Give the parcels of a job, and the pieces where it made them, as GeoJSON in longitude, latitude."""
        return await self._on_results(call, drawing)

    async def _done(self, call: Call) -> Job:
        """Return a job whose results are there. Raises what the store does where they are not."""

        def look(store: JobStore, job: str) -> Job:
            store.results(job, call.principal.name)
            return store.get(job, call.principal.name)

        return await self._on_job(call, look)

    async def _status_document(self, call: Call, job: Job) -> Document:
        """Return the status as JSON, or as a page with the outputs of a job that has succeeded."""
        page: dict[str, Any] = {"problem": job.problem, "outputs": [], "drawn": False, "evidence": None}
        if call.format is HTML:
            known = next((process for process in self.processes if process.id == job.process), None)
            page["title"] = known.title.get(call.lang) if known else job.process
            page["titles"] = self.processes.titles(call.lang)
            titles = {output.id: output.title.get(call.lang) for output in known.outputs} if known else {}
            if job.status == "successful":
                page |= await self._on_results(call, lambda _, kept: _shown(call, job, kept, titles))
        return Document(status_info(job, call.links), _PAGE, page, headers={"Cache-Control": "no-store"})

    async def _on_job[T](self, call: Call, work: Callable[[JobStore, str], T]) -> T:
        return await anyio.to_thread.run_sync(lambda: work(self._store(call), call.path["jobID"]))

    async def _on_results[T](self, call: Call, work: Callable[[str, StoredResults], T]) -> T:
        def read(store: JobStore, job: str) -> T:
            return work(job, read_results(store.results(job, call.principal.name)))

        return await self._on_job(call, read)

    def _listed(self, call: Call) -> bool:
        """Whether the caller's jobs may be listed: callers without an identity share theirs."""
        return self._store(call).settings.listed or call.principal.name != Principal().name

    def _store(self, call: Call) -> JobStore:
        """Return the store. Raises NoSuchJob where there is none (/req/core/job-exception-no-such-job)."""
        if self.jobs is None:
            text = f"There is no job '{shorten(call.path.get('jobID', ''))}'."
            raise NoSuchJob(text, "Processes are executed synchronously here.")
        return self.jobs


def _shown(call: Call, job: Job, kept: StoredResults, titles: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page of a job shows of its results. ``titles``: of the outputs, by id."""
    evidence = call.links.to("evidence", kept.evidence) if kept.evidence else None
    return {"outputs": _listed(call, job, kept, titles), "drawn": kept.drawing is not None, "evidence": evidence}


def _listed(call: Call, job: Job, kept: StoredResults, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the outputs as the page of a job lists them."""
    return [
        {
            "id": one.id,
            "title": titles.get(one.id, one.id),
            "type": one.media_type,
            "size": one.size,
            "href": output_address(call.links, job.id, one.id),
            "file": f"{job.process}-{one.id}{extension(one.media_type)}",
            "plain": one.plain,
        }
        for one in kept.outputs
    ]


def _list_links(call: Call, token: str | None) -> list[dict[str, str | bool]]:
    links = call.own_links() if not call.query else _own_links(call)
    if token is not None:
        following = call.links.self(call.query, next=token, f=call.format.name)
        links.append(link(following, "next", call.format.media_type, "Next page"))
    return links


def _own_links(call: Call) -> list[dict[str, str | bool]]:
    rels = ("alternate", "self") if call.format is HTML else ("self", "alternate")
    return [
        link(call.links.self(call.query, f="json"), rels[0], "application/json", "This document as JSON"),
        link(call.links.self(call.query, f="html"), rels[1], HTML.media_type, "This document as HTML"),
    ]
