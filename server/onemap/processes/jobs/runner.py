"""The work on one job: parse the order, run the process as who ordered it, keep its outputs in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onemap.block import Principal
from onemap.catalog import CodeList
from onemap.config import Settings
from onemap.errors import Dismissed
from onemap.processes.desk import Desk
from onemap.processes.execute import parse_execution, perform
from onemap.processes.jobs.hands import Hands
from onemap.processes.jobs.model import Claim, Failure, Finished, JobStore, Outcome
from onemap.processes.jobs.problems import job_problem
from onemap.processes.jobs.results import discard, write_results
from onemap.processes.model import JSON_MEDIA_TYPE, Context, unheard
from onemap.processes.registry import Processes
from onemap.security import Gate


@dataclass(frozen=True)
class Runner:
    """Run the jobs of an instance in this process; ``hands``: other ones that help it, by default none."""

    processes: Processes
    gate: Gate
    settings: Settings
    codes: Mapping[str, CodeList] = field(default_factory=dict)
    desk: Desk = field(default_factory=Desk)
    hands: Hands = field(default_factory=lambda: Hands((), 0))

    def run(self, claim: Claim, folder: Path, progress: Callable[[float, str], None] = unheard) -> Outcome:
        """Work on a job and return how it ended; its results are in ``folder`` then.

        Raises Dismissed when ``progress`` does, MemoryError when there is no memory for it.
        """
        order = claim.order
        try:
            execution = parse_execution(self.processes.get(order.process), order.body, JSON_MEDIA_TYPE)
            done = perform(execution, self._context(claim, execution.wanted, progress), drawn=True)
            most, outputs = self.settings.jobs.output_bytes, execution.outputs
            write_results(folder, outputs, execution.response, done.values, most, done.evidence, done.drawing)
        except (Dismissed, MemoryError):
            raise
        except Exception as error:
            discard(folder)
            return Failure(job_problem(error, claim.job, order.request_id))
        return Finished(folder)

    def _context(self, claim: Claim, wanted: Mapping[str, str], progress: Callable[[float, str], None]) -> Context:
        order = claim.order
        principal = Principal(order.owner, frozenset(order.roles))
        return Context(
            self.gate,
            principal,
            self.settings,
            self.codes,
            order.lang,
            order.request_id,
            wanted,
            progress,
            self.desk.now(),
            spread=self.hands.spread(principal),
        )


def run_waiting(store: JobStore, runner: Runner, worker: str = "here") -> int:
    """Work on the jobs that wait, one after the other in this process, and return their number: for tests."""
    done = 0
    while (claim := store.claim(worker, store.settings.lease)) is not None:
        outcome = runner.run(claim, store.workspace(claim))
        if not store.finish(claim, outcome):
            discard(store.workspace(claim))
        done += 1
    return done
