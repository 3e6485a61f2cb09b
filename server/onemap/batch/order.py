"""What a batch is asked for: plain data that any worker can be told."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from onemap import __version__
from onemap.config import ProcessSettings
from onemap.errors import ConfigError, did_you_mean
from onemap.processes.control_lines import ControlLineCheck
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue
from onemap.processes.farmland import FarmlandChange
from onemap.processes.farmland.rules import FARMLAND
from onemap.processes.farmland.rules import Rules as Changes
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.parcel_inputs import ParcelProcess
from onemap.processes.rulebook import RuleBook, RuleLibrary, today
from onemap.store.partitions import Folder, Manifest, read_manifest

Format = Literal["jsonl", "csv", "parquet"]
PROCESSES: dict[str, type[ParcelProcess]] = {
    item.id: item for item in (LanduseBreakdown, ControlLineCheck, FarmlandChange)
}
_RULES: dict[str, tuple[type[RuleBook], str]] = {
    ControlLineCheck.id: (Catalogue, CONTROL_LINES),
    FarmlandChange.id: (Changes, FARMLAND),
}


def rules_today(process: str, library: RuleLibrary) -> dict[str, Any] | None:
    """Return the rules of a library that a process applies today, as an order has them; None where it has none."""
    if process not in _RULES:
        return None
    model, name = _RULES[process]
    return library.choose(model, name, None, today()).model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Order:
    """A batch. ``parcels``, ``data`` and ``out`` are addresses of folders: partitions, partitions, results.

    ``inputs``: the other inputs of the process (``layers``, ``purpose``). ``settings``: limits and thresholds of the
    processes. ``lang``: language of titles. ``rules``: the version of its rules that the process applies, whatever the
    day on which a worker comes to it (``rules_today``); default: the newest that comes with the server.
    """

    process: str
    parcels: str
    data: tuple[str, ...]
    out: str
    inputs: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    form: Format = "jsonl"
    lang: str = "zh"
    rules: dict[str, Any] | None = None

    def question(self) -> type[ParcelProcess]:
        """Return the process. Raises ConfigError for one that cannot be asked of very many parcels."""
        if self.process not in PROCESSES:
            raise ConfigError(f"'{self.process}' does not run as a batch.", did_you_mean(self.process, PROCESSES))
        return PROCESSES[self.process]

    def book(self) -> RuleBook | None:
        """Return the rules that the process applies; None where it has none."""
        if self.process not in _RULES:
            return None
        model, name = _RULES[self.process]
        return RuleLibrary().versions(model, name)[-1] if self.rules is None else model.model_validate(self.rules)

    def limits(self) -> ProcessSettings:
        """Return the limits and thresholds."""
        return ProcessSettings.model_validate(self.settings)

    def manifests(self) -> tuple[Manifest, tuple[Manifest, ...]]:
        """Return the manifests of the parcels and of the layers. Raises ConfigError."""
        layers = tuple(read_manifest(Folder(address)) for address in self.data)
        return read_manifest(Folder(self.parcels)), layers

    def facts(self) -> dict[str, Any]:
        """Return all that the results depend on, addresses apart: a run goes on where an equal one broke off."""
        parcels, layers = self.manifests()
        return {
            "process": {"id": self.process, "version": self.question().version},
            "rules": self._cited(),
            "inputs": self.inputs,
            "lang": self.lang,
            "format": self.form,
            "settings": self.limits().model_dump(mode="json"),
            "parcels": _named(parcels),
            "data": [_named(layer) for layer in layers],
            "software": __version__,
        }

    def _cited(self) -> dict[str, Any] | None:
        book = self.book()
        return {**book.cited(), "digest": book.digest()} if book else None


def digest(facts: dict[str, Any]) -> str:
    """Return a digest of the facts of a batch."""
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def to_json(order: Order) -> str:
    """Return an order as text, for workers on other machines."""
    return orjson.dumps(asdict(order)).decode()


def from_json(text: str) -> Order:
    """Return the order of a text."""
    data = orjson.loads(text)
    return Order(**{**data, "data": tuple(data["data"])})


def _named(manifest: Manifest) -> dict[str, Any]:
    return {
        "collection": manifest.id,
        "version": manifest.version,
        "selection": manifest.selection,
        "features": manifest.features,
        "partitions": len(manifest.partitions),
    }
