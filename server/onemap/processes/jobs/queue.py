"""The queue in PostgreSQL, by procrastinate: it wakes a worker somewhere for each job that waits.

What is queued says only that there is work; which job comes next the table of jobs decides, so that nobody's many jobs
keep out those of others, and so that the queue may lose or repeat a call without harm.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from onemap.processes.jobs.workers import Worker

_TASK = "onemap.work"
_POLL_SECONDS = 2.0
_LOOK_SECONDS = 0.2
_REST_SECONDS = 3.0
_STALLED_EVERY = 30.0
_log = logging.getLogger("onemap.jobs")


class Queue:
    """The calls for the workers of one zone."""

    def __init__(self, zone: str) -> None:
        self.name = f"onemap-{zone}"
        self._app = App(connector=SyncPsycopgConnector())

    @staticmethod
    def schema() -> str:
        """Return the SQL that makes the queue's tables in the first schema of the search path."""
        return App(connector=SyncPsycopgConnector()).schema_manager.get_schema()

    def call(self, connection: psycopg.Connection[Any], count: int = 1) -> None:
        """Call so many workers when the transaction of a connection is kept."""
        self._app.configure_task(_TASK, queue=self.name, connection=connection).batch_defer(*({} for _ in range(count)))

    def call_once(self, connection: psycopg.Connection[Any]) -> None:
        """Call a worker unless such a call waits already."""
        once = self._app.configure_task(
            _TASK, queue=self.name, queueing_lock=f"{self.name}-sweep", connection=connection
        )
        with suppress(AlreadyEnqueued), connection.transaction():
            once.defer()

    def attend(self, conninfo: str, workers: Sequence[Worker], stopping: threading.Event) -> None:
        """Let workers come when they are called, until it is time to stop; takes up again when the database is back."""
        while not stopping.is_set():
            try:
                asyncio.run(self._attend(conninfo, workers, stopping))
            except (ConnectorException, psycopg.Error, OSError) as error:
                _log.warning("the queue of jobs is away: %s", error)
                stopping.wait(_REST_SECONDS)
            finally:
                for worker in workers:
                    worker.close()  # a process that computes ends with the thread that started it

    async def _attend(self, conninfo: str, workers: Sequence[Worker], stopping: threading.Event) -> None:
        app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4, timeout=10.0))
        free = list(workers)

        @app.task(name=_TASK, queue=self.name)
        async def work() -> None:
            worker = free.pop()
            try:
                await asyncio.to_thread(worker.drain)
            finally:
                free.append(worker)

        async with app.open_async():
            coming = asyncio.create_task(self._listen(app, len(workers)))
            cleaning = asyncio.create_task(self._clean(app))
            try:
                while not stopping.is_set() and not coming.done():
                    await asyncio.wait([coming], timeout=_LOOK_SECONDS)
                    for worker in list(free):
                        worker.rest()
            finally:
                for task in (coming, cleaning):
                    task.cancel()
                ended = await asyncio.gather(coming, cleaning, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    raise error

    async def _listen(self, app: App, concurrency: int) -> None:
        await app.run_worker_async(
            queues=[self.name],
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="always",
            fetch_job_polling_interval=_POLL_SECONDS,
        )

    async def _clean(self, app: App) -> None:
        """Remove the calls that workers which died had answered."""
        while True:
            for call in await app.job_manager.get_stalled_jobs(queue=self.name):
                await app.job_manager.finish_job(call, status=Status.FAILED, delete_job=True)
            await asyncio.sleep(_STALLED_EVERY)
