"""Building a pack from a store: read once, sorted along a Hilbert curve, with levels of detail."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import shapely

from onemap.catalog import Collection, Field
from onemap.errors import ConfigError, Unavailable
from onemap.store import Batch, FeatureQuery, Store, View
from onemap.store.changelog import LoggedStore
from onemap.tiles.generalise import PIXELS, Level, Report, Settings
from onemap.tiles.generalise.clean import Grid, simple_polygons, whole
from onemap.tiles.generalise.faces import FaceFile, Faces, Ints
from onemap.tiles.generalise.intake import Rows as Features
from onemap.tiles.generalise.levels import CoverageLevel, Progress, coverage_levels, members, quiet
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack.borders import cut_rows, write_cuts
from onemap.tiles.pack.columns import ColumnFile, ColumnWriter, Dictionary
from onemap.tiles.pack.encoded import encode_rows, write_encoded
from onemap.tiles.pack.format import PackWriter
from onemap.tiles.pack.frame import WORLD, Frame, frame_for, order_of
from onemap.tiles.pack.labels import LabelFile
from onemap.tiles.pack.lods import each_row, write_lod
from onemap.tiles.pack.ragged import rows_of
from onemap.tiles.pack.records import Read
from onemap.tiles.pack.rowfile import RowFile
from onemap.tiles.pack.settled import settled
from onemap.tiles.pack.sizes import LARGEST_SCALE, size_levels
from onemap.tiles.pack.snapping import snapped_rows

_EVERYTHING = 2**62
_LONGEST = 2**31 - 1
_LARGEST = 2**63 - 1
# So many zooms beyond the finest one with a level of detail of its own are encoded beforehand.
_DETAILED = 4
# A level of detail with at most such a share of the features has attributes of its own, side by side: its tiles would
# read them from all over the pack.
_OWN_SHARE = 0.25
# All levels together have at most so many: those of points have as many at each zoom.
_ALL_OWN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be built. ``finest``: the highest zoom with a level of detail of its own, ``coarsest`` the lowest."""

    collection: Collection
    settings: Settings
    coarsest: int = 0
    finest: int = LARGEST_SCALE


def build(store: Store, plan: Plan, path: Path, progress: Progress = quiet) -> list[Report]:
    """Write the pack of a collection; readers of the one before keep it until they open this. Blocks, for minutes.

    What changes meanwhile counts as changed: the position in the log of changes is taken before anything is read.
    Raises ConfigError where the features cannot be drawn from a pack, Unavailable when the store cannot be read.
    """
    view = whole_view(plan.collection)
    before = log_position(store), store.state(), settled(store)
    extent = store.extent(view)
    frame = frame_for(extent, plan.collection.storage) if extent else None
    if frame is None:
        raise ConfigError(f"'{plan.collection.id}' has no features within the reach of Web Mercator.")
    with (
        TemporaryDirectory(dir=_folder(path), prefix=f"{path.name}.", ignore_cleanup_errors=True) as work,
        PackWriter(path) as writer,
    ):
        maker = _Maker(store, view, plan, frame, Path(work), writer, progress)
        lods, reports = maker.make()
        position, state, whole_content = before
        writer.finish(
            {
                **describe(plan.collection),
                "frame": [frame.bits, frame.left, frame.top],
                "position": position,
                "state": state,
                "settled": whole_content if whole_content == settled(store) else None,
                "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "features": maker.features.count,
                "columns": maker.kinds,
                "lods": lods,
                "coverage": plan.settings.coverage,
                "reports": [_report(report) for report in reports],
            }
        )
    return reports


def describe(collection: Collection) -> dict[str, Any]:
    """Return what a pack must have been made from, to be used for a collection."""
    return {
        "collection": collection.id,
        "store": collection.store,
        "table": collection.table.name,
        "key": collection.key,
        "srid": collection.storage.srid,
        "fields": [[item.name, item.type] for item in needed_fields(collection)],
        **({"labels": True} if collection.tiles.labels else {}),
    }


def needed_fields(collection: Collection) -> tuple[Field, ...]:
    """Return the published fields, and the ones with the ids and classes where these are others."""
    known = {item.name for item in collection.fields}
    more = {collection.key, collection.tiles.class_field} - known
    return (*collection.fields, *(item for item in collection.table.fields if item.name in more))


def whole_view(collection: Collection) -> View:
    """Return the view of the server itself: all rows and columns, by primary key."""
    keyed = replace(collection, key=collection.table.primary_key, fields=needed_fields(collection))
    return View(keyed, keyed.fields)


def log_position(store: Store) -> str | None:
    """Return the position in the store's log of changes, None where it has none."""
    return store.position() if isinstance(store, LoggedStore) else None


def _folder(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


def _report(report: Report) -> dict[str, Any]:
    return {
        "zoom": report.zoom,
        "features": report.features,
        "kept": round(report.kept, 6),
        "moved": round(report.moved, 6),
        "drift": {name: round(value, 4) for name, value in report.drift.items()},
    }


class _Maker:
    """The steps of one build."""

    def __init__(
        self, store: Store, view: View, plan: Plan, frame: Frame, work: Path, writer: PackWriter, progress: Progress
    ) -> None:
        self._store, self._view, self._plan, self._frame = store, view, plan, frame
        self._work, self._writer, self._progress = work, writer, progress
        self.features = Features()
        dictionary = Dictionary()
        self._dictionary = dictionary
        fields = enumerate(view.columns)
        self.columns = {item.name: ColumnFile(work / f"column{at}", item, dictionary) for at, item in fields}
        self._ids: list[Ints] = []
        self._own_rows = 0
        self._encoded: dict[str, list[int]] = {}
        self._id_column = _integer_key(plan.collection)
        self._rows = RowFile(work / "rows")
        storage, labelled = plan.collection.storage, plan.collection.tiles.labels
        self._faces = FaceFile(work / "faces") if plan.settings.coverage else None
        self._labels = LabelFile(work / "labels", frame, storage) if labelled else None

    def make(self) -> tuple[list[Mapping[str, Any]], list[Report]]:
        """Write all arrays, and return what is to be said of the levels of detail."""
        self._read()
        place = self._attributes()
        order = write_lod(self._writer, "lod0", self._rows, place)[0]
        for zoom in range(self._plan.finest + 1, self._plan.finest + 1 + _DETAILED):
            self._progress(f"encode {zoom}", 0, len(order))
            self._encode("lod0", zoom, self._rows, order)
        lods: list[Mapping[str, Any]] = [{"name": "lod0", "zoom": None, "pixel": 0.0}]
        makers = self._coverage(place) if self._faces is not None else self._by_size(place)
        reports = []
        for lod, report in makers:
            lods.append(lod)
            if report:
                reports.append(report)
        return [{**lod, "encoded": self._encoded.get(lod["name"], [])} for lod in lods], reports

    def _read(self) -> None:
        total = self._store.count(self._view, FeatureQuery(limit=0), 10**9) or 0
        for batch in self._store.batches(self._view, FeatureQuery(limit=_EVERYTHING)):
            first = self.features.count
            codes = self.features.add(batch, self._plan.settings.class_column)
            for name, column in self.columns.items():
                column.append(batch.columns[name])
            if self._id_column:
                self._ids.append(np.array([_identity(value) for value in batch.columns[self._id_column]], np.int64))
            if self._labels:
                self._labels.append(batch.geometries)
            stepped = self._stepped(batch)
            rows = rows_of(stepped)
            self._rows.append(replace(rows, owner=rows.owner + first))
            if self._faces is not None:
                polygons, owners = surfaces(stepped)
                self._faces.append(Faces(polygons, owners + first, codes[owners], shapely.area(polygons)))
            self._progress("read", self.features.count, total)
        self._rows.finish()

    def _stepped(self, batch: Batch) -> Any:
        """Return the geometries in steps. Raises ConfigError for what does not fit."""
        storage = self._plan.collection.storage
        moved = shapely.transform(batch.geometries, lambda xy: self._frame.steps(xy, storage))
        xy = shapely.get_coordinates(moved)
        if not np.isfinite(xy).all():
            raise ConfigError(f"'{self._plan.collection.id}' has features outside the reach of Web Mercator.")
        if len(xy) and (xy.min() < 0 or xy.max() > _LONGEST):
            raise Unavailable(f"'{self._plan.collection.id}' has grown while its pack was built.")
        return moved

    @property
    def kinds(self) -> Mapping[str, str]:
        """How each column is kept."""
        return self._columns.kinds

    def _attributes(self) -> Ints:
        """Write keys and columns in the order of the rows, and return the place of each feature in it."""
        count, owners = self.features.count, np.asarray(self._rows.column("owner"))
        boxes = np.zeros((count, 4), np.int32)
        boxes[owners] = self._rows.column("box")
        order = order_of(boxes)
        place = np.empty(count, dtype=np.int64)
        place[order] = np.arange(count)
        self._keys(order)
        self._columns = ColumnWriter(self._writer, self.columns, self._dictionary, order, self._identities())
        self._columns.write(slice(None))
        if self._labels:
            self._labels.store(self._writer, order)
        return place

    def _keys(self, order: Ints) -> None:
        """Write the primary keys where they are numbers."""
        if self.features.numbered:
            numbers = self.features.numbers(order)
            sorted_ = np.argsort(numbers, kind="stable")
            self._writer.write("keys.sorted", numbers[sorted_])
            self._writer.write("keys.order", sorted_)

    def _identities(self) -> Read | None:
        """Return what reads the ids of features in tiles, None where they are no numbers."""
        if self._ids:
            every = np.concatenate(self._ids)
            self._ids.clear()
            return lambda rows: every[rows]
        keyed = self._plan.collection.key == self._plan.collection.table.primary_key
        return self.features.numbers if keyed and self.features.numbered else None

    def _coverage(self, place: Ints) -> Iterator[tuple[Mapping[str, Any], Report | None]]:
        assert self._faces is not None
        self._faces.finish()
        zooms = range(self._plan.finest, self._plan.coarsest - 1, -1)
        levels = [Level(zoom, WORLD / 2**zoom / PIXELS / self._frame.step) for zoom in zooms]
        grid = Grid((0.0, 0.0), 1.0)
        made = coverage_levels(
            self._faces, self.features, grid, levels, self._plan.settings, self._work, self._progress
        )
        for level in made:
            name = f"lod{level.level.zoom}z"
            features = place[np.asarray(level.faces.column("source"))]
            file = snapped_rows(level.faces, features, self._unit(level.level.zoom), self._work / name)
            order, rows = write_lod(self._writer, name, file, np.arange(self.features.count))
            self._attributes_of(name, rows)
            self._members(name, rows, features, level, place)
            self._encode(name, level.level.zoom, file, order, exact=True)
            file.drop()
            yield {"name": name, "zoom": level.level.zoom, "pixel": level.level.pixel}, level.report
            if len(level.faces) <= 1:
                return

    def _attributes_of(self, name: str, rows: Ints) -> None:
        """Write the attributes of a level of detail with few rows once more; ``rows``: of the attributes, ascending."""
        count, together = self.features.count, self._own_rows + len(rows)
        if len(rows) <= _OWN_SHARE * count and together <= _ALL_OWN_SHARE * count:
            self._columns.write(rows, f"{name}/")
            self._own_rows = together

    def _members(self, name: str, rows: Ints, features: Ints, level: CoverageLevel, place: Ints) -> None:
        """Write which features each generalised row is made of; ``rows``: of the attributes, ascending."""
        kept = np.flatnonzero(level.roots >= 0)
        wanted = features[level.roots[kept]]
        into = np.minimum(np.searchsorted(rows, wanted), max(len(rows) - 1, 0))
        there = rows[into] == wanted if len(rows) else np.zeros(len(kept), dtype=bool)
        order, begin = members(into[there], len(rows))
        source = np.asarray(level.base.column("source"))[kept[there]]
        self._writer.write(f"{name}/members", place[source[order]].astype(np.uint32))
        self._writer.write(f"{name}/members.starts", begin)

    def _unit(self, zoom: int) -> float:
        """Return the length of a tile unit of a zoom of WebMercatorQuad in steps."""
        return math.ldexp(1.0, self._frame.bits - zoom) / EXTENT

    def _encode(self, name: str, zoom: int, file: RowFile, order: Ints, *, exact: bool = False) -> None:
        """Write the rows of a level of detail as they are in tiles of a zoom, where a step is fine enough for that."""
        unit = self._unit(zoom)
        if unit >= 1.0:
            parts = (encode_rows(rows, unit, exact=exact) for rows in each_row(file, order))
            write_encoded(self._writer, f"{name}/at{zoom}", parts)
            cuts = (cut_rows(rows, self._frame, unit) for rows in each_row(file, order))
            write_cuts(self._writer, f"{name}/at{zoom}/cut", cuts)
            self._encoded.setdefault(name, []).append(zoom)

    def _by_size(self, place: Ints) -> Iterator[tuple[Mapping[str, Any], Report | None]]:
        zooms = range(self._plan.finest, self._plan.coarsest - 1, -1)
        for zoom, pixel, file in size_levels(self._rows, zooms, self._frame, self._work):
            name = f"lod{zoom}z"
            order, rows = write_lod(self._writer, name, file, place)
            self._attributes_of(name, rows)
            self._encode(name, zoom, file, order)
            file.drop()
            yield {"name": name, "zoom": zoom, "pixel": pixel}, None


def _integer_key(collection: Collection) -> str | None:
    """Return the name of the field with the ids where it is not the primary key and holds whole numbers."""
    kinds = {item.name: item.type for item in collection.table.fields}
    return collection.key if kinds.get(collection.key) == "integer" else None


def _identity(value: object) -> int:
    """Return a value as an id of a tile; -1 for what is none."""
    return value if isinstance(value, int) and 0 <= value <= _LARGEST else -1


def surfaces(stepped: Any) -> tuple[Any, Ints]:
    """Return the valid polygons of geometries in steps, and where each comes from."""
    return whole(*simple_polygons(stepped))
