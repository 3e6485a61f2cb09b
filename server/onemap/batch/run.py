"""The folder of a batch: what was asked, the results of each file of parcels, and the summary.

A file of parcels is done when its tally is there, which is written after its results: a run that was broken off goes
on with the others, and two workers on one file write the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from onemap.batch.answer import Answerer
from onemap.batch.order import Order, digest, from_json
from onemap.batch.results import encode
from onemap.batch.rows import columns, row, tally, total
from onemap.errors import ConfigError
from onemap.store.partitions import Folder, Partition, read_manifest

_RUN, _SUMMARY = "run.json", "summary.json"
Progress = Callable[[int, int], None]
"""Told how many parcels are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch came to: the summary, and how many parcels were answered in this run."""

    summary: dict[str, Any]
    answered: int


def prepare(order: Order, *, restart: bool = False) -> list[Partition]:
    """Return the files of parcels that are still to be done. Raises ConfigError for a folder of another batch."""
    folder, facts = Folder(order.out), order.facts()
    if restart:
        for name in ("results", "done"):
            Folder(f"{order.out}/{name}").remove()
    elif folder.exists(_RUN) and orjson.loads(folder.read(_RUN))["digest"] != digest(facts):
        raise ConfigError(
            f"{order.out} holds a batch of other data, rules or inputs.", "Name another folder, or say --restart."
        )
    folder.write(_RUN, _json({"digest": digest(facts), **facts}))
    parcels = read_manifest(Folder(order.parcels))
    return [item for item in parcels.partitions if not folder.exists(_done(item.key))]


class Worker:
    """Does files of parcels, one after the other."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._answerer = Answerer(order)
        self._types = columns(order)
        parcels = read_manifest(Folder(order.parcels))
        self._partitions = {item.key: item for item in parcels.partitions}
        self._crs = parcels.declared().storage

    def __call__(self, key: str) -> int:
        """Write the results of a file of parcels; return how many there are."""
        answers = list(self._answerer.answers(self._partitions[key]))
        rows = [row(item.key, item.result, item.fault["code"] if item.fault else None) for item in answers]
        folder = Folder(self._order.out)
        body = encode(self._order.form, answers, rows, self._types, self._crs)
        folder.write(f"results/q{key}.{self._order.form}", body)
        folder.write(_done(key), _json(tally(rows, self._types)))
        return len(answers)


_workers: dict[str, Worker] = {}


def work(order: str, key: str) -> int:
    """Do a file of parcels of an order (JSON) in this process, which keeps what it has read for the next one."""
    if order not in _workers:
        _workers.clear()
        _workers[order] = Worker(from_json(order))
    return _workers[order](key)


def finish(order: Order, answered: int) -> Outcome:
    """Write and return the summary: a tally over all files, whoever did them."""
    folder = Folder(order.out)
    parcels = read_manifest(Folder(order.parcels))
    tallies = [orjson.loads(folder.read(_done(item.key))) for item in parcels.partitions]
    files = [f"results/q{item.key}.{order.form}" for item in parcels.partitions]
    summary = {"batch": order.facts(), **total(tallies, columns(order)), "files": files}
    folder.write(_SUMMARY, _json(summary))
    return Outcome(summary, answered)


def _done(key: str) -> str:
    return f"done/q{key}.json"


def _json(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
