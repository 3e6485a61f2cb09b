"""A batch on the cores of this machine, one process each."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed

from onemap.batch.order import Order, to_json
from onemap.batch.run import Outcome, Progress, finish, prepare, work


def run_local(order: Order, progress: Progress, workers: int | None = None, *, restart: bool = False) -> Outcome:
    """Answer all parcels and return the summary. Raises ConfigError."""
    left = prepare(order, restart=restart)
    text, total = to_json(order), sum(item.rows for item in left)
    count = min(workers or os.cpu_count() or 1, len(left))
    done = 0
    if count <= 1:
        for item in left:
            done += work(text, item.key)
            progress(done, total)
        return finish(order, done)
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        # In the order of the quadtree: neighbours follow each other and read the same files of the layers.
        futures = [pool.submit(work, text, item.key) for item in left]
        try:
            for future in as_completed(futures):
                done += future.result()
                progress(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return finish(order, done)
