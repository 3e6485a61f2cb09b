"""A batch on Apache Spark: a task for each file of parcels, in mapInArrow, by the same functions as on one machine.

No row of a layer is shuffled: a task reads the few files that its parcels meet from the folder that all machines
share. Needs the extra ``spark`` (pyspark 4.0) and a Java runtime of version 17 or later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pyarrow

from onemap.batch.order import Order, to_json
from onemap.batch.run import Outcome, Progress, finish, prepare, work
from onemap.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SCHEMA = "key string, parcels bigint"


def run_spark(order: Order, progress: Progress, master: str | None = None, *, restart: bool = False) -> Outcome:
    """Answer all parcels and return the summary. ``master``: as Spark names it; default: as spark-submit says.

    Every worker needs this package and the folders of the order under the same addresses. Raises ConfigError.
    """
    left = prepare(order, restart=restart)
    if not left:
        return finish(order, 0)
    spark = session(master)
    keys = spark.sparkContext.parallelize([(item.key,) for item in left], len(left))
    answered = spark.createDataFrame(keys, "key string").mapInArrow(_task(to_json(order)), _SCHEMA)
    done = sum(int(found["parcels"]) for found in answered.collect())
    progress(done, done)
    return finish(order, done)


def session(master: str | None) -> SparkSession:
    """Return the session that there is, or a new one. Raises ConfigError where pyspark is not installed."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigError("Spark is not installed here.", "Install the extra: pip install 'onemap[spark]'") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder.appName("onemap batch").config("spark.ui.enabled", "false")
    if master:
        builder = builder.master(master)
    if master is not None and master.startswith("local"):
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    made: SparkSession = builder.getOrCreate()
    made.sparkContext.setLogLevel("ERROR")
    return made


def _task(order: str) -> Callable[[Iterable[pyarrow.RecordBatch]], Iterable[pyarrow.RecordBatch]]:
    """Return what a task does with the keys of its files."""

    def answer(batches: Iterable[pyarrow.RecordBatch]) -> Iterable[pyarrow.RecordBatch]:
        for batch in batches:
            keys = batch.column("key").to_pylist()
            yield pyarrow.record_batch({"key": keys, "parcels": [work(order, key) for key in keys]})

    return answer
