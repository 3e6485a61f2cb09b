"""Jobs: executions that outlive their request (OGC 18-062r2, clauses 7.11 to 7.15)."""

from onemap.processes.jobs.model import Claim, Failure, Finished, Job, JobFilter, JobStore, News, Order, Outcome, Status
from onemap.processes.jobs.open import open_jobs
from onemap.processes.jobs.results import StoredOutput, StoredResults, read_results

__all__ = [
    "Claim",
    "Failure",
    "Finished",
    "Job",
    "JobFilter",
    "JobStore",
    "News",
    "Order",
    "Outcome",
    "Status",
    "StoredOutput",
    "StoredResults",
    "open_jobs",
    "read_results",
]
