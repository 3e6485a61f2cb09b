"""What a worker and the process that computes for it say to each other: lines of JSON."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from onemap.processes.jobs.model import Claim, Failure, Finished, Outcome
from onemap.processes.jobs.rows import order_facts, order_of


@dataclass(frozen=True, slots=True)
class Task:
    """A job to work on, and the folder for its results."""

    claim: Claim
    folder: Path


@dataclass(frozen=True, slots=True)
class Progress:
    """The share done, 0 to 1, and what goes on."""

    done: float
    message: str


def task_line(task: Task) -> bytes:
    """Return a task as a line."""
    claim, order = task.claim, task.claim.order
    said = {
        "job": claim.job,
        "attempt": claim.attempt,
        "process": order.process,
        "owner": order.owner,
        "body": base64.b64encode(order.body).decode(),
        "facts": order_facts(order),
        "folder": str(task.folder),
    }
    return orjson.dumps(said) + b"\n"


def task_of(line: bytes) -> Task | None:
    """Return the task of a line; None for the word that the present one is wanted no more."""
    said = orjson.loads(line)
    if "job" not in said:
        return None
    order = order_of(said["process"], said["owner"], base64.b64decode(said["body"]), said["facts"])
    return Task(Claim(said["job"], said["attempt"], order), Path(said["folder"]))


STOP = orjson.dumps({"stop": True}) + b"\n"
READY = orjson.dumps({"ready": True}) + b"\n"


def said_line(said: Outcome | Progress | None) -> bytes:
    """Return as a line how a task ended or how far it is; None: it was stopped."""
    match said:
        case Progress(done, message):
            return orjson.dumps({"done": done, "message": message}) + b"\n"
        case Finished(folder):
            return orjson.dumps({"folder": str(folder)}) + b"\n"
        case Failure(problem):
            return orjson.dumps({"problem": dict(problem)}) + b"\n"
        case _:
            return orjson.dumps({"stopped": True}) + b"\n"


def said_of(line: bytes) -> Outcome | Progress | None:
    """Return what ``said_line`` was given."""
    said: dict[str, Any] = orjson.loads(line)
    if "done" in said:
        return Progress(said["done"], said["message"])
    if "folder" in said:
        return Finished(Path(said["folder"]))
    return Failure(said["problem"]) if "problem" in said else None
