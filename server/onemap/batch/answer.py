"""One file of parcels: each parcel is put to the process alone, as if a request had brought it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from onemap.batch.order import Order
from onemap.catalog import Collection, Registry, load_codes
from onemap.config import PolicySettings, Settings, shipped
from onemap.errors import ClientError
from onemap.geo.crs import CRS84, Crs
from onemap.processes.desk import Desk
from onemap.processes.model import Context
from onemap.processes.parcels import Limits, ParcelDocument, ParcelSet
from onemap.processes.parcels.model import Shape
from onemap.processes.parcels.validity import checked
from onemap.processes.rulebook import RuleLibrary
from onemap.security import Gate, Policy, identify
from onemap.store import View
from onemap.store.partitions import Folder, Partition, PartitionsStore

ALONE = 200_000
"""Vertices that a single parcel may have, whatever the limit of requests: an operator has chosen the parcels."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a parcel: its key, and either the result of the process or why there is none.

    ``shape``: WKB in x, y of the parcels' own system.
    """

    key: int | str
    shape: bytes
    result: dict[str, Any] | None = None
    fault: dict[str, Any] | None = None

    def json(self) -> bytes:
        """Return the answer as a line of JSON."""
        body = {"result": self.result} if self.fault is None else {"error": self.fault}
        return orjson.dumps({"parcel": self.key, **body})


class Answerer:
    """Answers a batch in one worker, which keeps the files of the layers that it has read."""

    def __init__(self, order: Order) -> None:
        self._question = order.question().model_construct(parcels=ParcelDocument(None), **order.inputs)
        self._context = _context(order)
        self._parcels = PartitionsStore(Folder(order.parcels))

    def answers(self, partition: Partition) -> Iterator[Answer]:
        """Yield the answer for each parcel of a file, in the order of their primary keys."""
        collection = self._parcels.collection
        names = [item.name for item in collection.fields]
        title = collection.field_for("name")
        for batch in self._parcels.rows(partition):
            rows = zip(*(batch.columns[name] for name in names), strict=True) if names else [()] * len(batch)
            for key, geometry, row in zip(batch.keys, batch.geometries.tolist(), rows, strict=True):
                properties = dict(zip(names, row, strict=True))
                name = properties.get(title.name) if title else None
                yield self._answer(Shape(geometry, str(key), None if name is None else str(name), properties), key)

    def _answer(self, shape: Shape, key: int | str) -> Answer:
        wkb = shape.geometry.wkb if shape.geometry is not None else b""
        try:
            context = _Single(**vars(self._context), shape=shape, system=self._parcels.collection.storage)
            return Answer(key, wkb, result=dict(self._question.analyse(context).result))
        except ClientError as error:
            return Answer(key, wkb, fault={"code": error.code, "title": error.title, "detail": error.detail})


@dataclass(frozen=True)
class _Single(Context):
    """A context whose parcels are one that was read already, in x, y of ``system``."""

    shape: Shape = field(default_factory=lambda: Shape(None))
    system: Crs = CRS84

    def parcels(self, document: ParcelDocument, crs: str | None) -> ParcelSet:
        """Return the parcel, checked as one of a request is."""
        given = self.settings.processes
        limits = Limits(1, max(ALONE, given.max_vertices), given.max_area_km2)
        return checked([self.shape], self.system, limits)


class _Exported(Policy):
    """What was exported is what its reader may see."""

    def view(self, principal: object, collection: Collection) -> View:
        """Return a view of all that the partitions hold."""
        return View(collection, collection.fields)


def _context(order: Order) -> Context:
    stores = {f"{at}": PartitionsStore(Folder(address)) for at, address in enumerate(order.data)}
    collections = [replace(store.collection, store=name) for name, store in stores.items()]
    gate = Gate(Registry(collections), _Exported("business", PolicySettings()), stores)
    settings = Settings(processes=order.limits())
    book = order.book()
    desk = Desk(rules=RuleLibrary({book.id: (book,)} if book else {}))
    return Context(gate, identify(), settings, load_codes(shipped("codes")), order.lang, desk=desk)
