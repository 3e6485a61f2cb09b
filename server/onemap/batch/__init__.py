"""Batches: a process for each of very many parcels, on all cores or on a Spark cluster, with the same results.

Not part of the server, which never imports it. A batch reads partitions (``onemap.store.partitions``); each task
takes a file of parcels and reads those files of the layers that its parcels meet.
"""

from onemap.batch.local import run_local
from onemap.batch.order import PROCESSES, Order, rules_today
from onemap.batch.run import Outcome, finish, prepare

__all__ = ["PROCESSES", "Order", "Outcome", "finish", "prepare", "rules_today", "run_local"]
