"""Run a batch on Spark in a process of its own, as a session and its warnings outlive a test."""

from __future__ import annotations

import subprocess
import sys

from onemap.batch import Order
from onemap.batch.order import from_json, to_json
from onemap.batch.spark import run_spark


def write(order: Order) -> None:
    """Answer an order with two tasks at a time."""
    command = [sys.executable, "-m", "tests.e2e.spark_batch", to_json(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


if __name__ == "__main__":
    run_spark(from_json(sys.argv[1]), lambda done, total: None, "local[2]")
