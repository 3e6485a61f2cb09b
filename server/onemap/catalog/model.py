"""Collections and their fields, as the server knows them after start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from onemap.catalog.codes import CodeList
from onemap.config.models import Level, Text
from onemap.geo.crs import Crs

FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime", "binary"]
Kind = Literal["status", "planning", "management", "socioeconomic"]
"""The four classes of the One Map's data: 现状, 规划, 管理, 社会经济."""


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a feature. ``role`` is how processes address it (code, area, name, ...).

    ``required``: the table takes no feature without a value. ``read_only``: the table makes the value, or holds what
    JSON cannot say. ``bits``: the width of an integer, sign included.
    """

    name: str
    type: FieldType
    title: Text
    level: Level = "P"
    role: str | None = None
    codes: CodeList | None = None
    max_length: int | None = None
    unit: str | None = None
    required: bool = False
    read_only: bool = False
    bits: int = 64


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where a layer is valid: the features of ``table`` whose columns equal ``where``.

    ``None`` as a collection's coverage means that nothing is declared.
    """

    store: str
    table: str
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tiling:
    """How vector tiles are made of a layer.

    ``coverage``: its surfaces lie side by side and are generalised at low zooms, those of one ``class_field`` value
    first; other layers drop by size. ``pack``: whether a pack is built, by default where the store makes no tiles.
    ``labels``: tiles have a second layer with a point for each feature, for its name.
    """

    coverage: bool = False
    class_field: str | None = None
    pack: bool | None = None
    labels: bool = False


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A feature table as a store finds it. ``geometry_type`` is the OGC name in upper case.

    ``flat``: the table is known to hold neither heights nor measures.
    ``key``: column that makes the feature id where nothing else is declared; None for the primary key.
    """

    name: str
    geometry_column: str
    geometry_type: str
    srid: int
    primary_key: str
    fields: tuple[Field, ...]
    title: str = ""
    description: str = ""
    geometry_required: bool = False
    flat: bool = True
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A published layer.

    ``crs`` lists the systems offered, the first being CRS84; ``storage`` is that of the stored
    coordinates (x, y order). ``temporal`` names one field (instant) or two (start, end). ``date`` is
    the data's currency. ``kind`` and ``group`` are its place in the catalogue. ``zones`` overrides
    nothing: access follows ``level`` alone.
    """

    id: str
    title: Text
    description: Text
    store: str
    table: TableInfo
    key: str
    fields: tuple[Field, ...]
    level: Level
    storage: Crs
    crs: tuple[Crs, ...]
    role: str | None = None
    temporal: tuple[str, ...] = ()
    date: str | None = None
    coverage: Coverage | None = None
    keywords: tuple[str, ...] = ()
    attribution: str = ""
    colour_by: str | None = None
    order: int = field(default=0, compare=False)
    kind: Kind | None = None
    group: Text | None = None
    editable: bool = False
    tiles: Tiling = Tiling()

    @property
    def label_layer(self) -> str:
        """The name of the layer of tiles that has the points for names; no identifier has a colon."""
        return f"{self.id}:label"

    def field_for(self, role: str) -> Field | None:
        """Return the field with this role, or None."""
        return next((item for item in self.fields if item.role == role), None)
