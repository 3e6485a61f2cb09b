"""Declarations: the YAML files of ``collections/`` and how they meet what a store finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints
from pydantic import Field as Setting

from onemap.catalog.codes import CodeList
from onemap.catalog.model import Collection, Coverage, Field, Kind, TableInfo, Tiling
from onemap.config.load import read_yaml, validate
from onemap.config.models import Level, Model, Text
from onemap.errors import ConfigError, did_you_mean
from onemap.geo.crs import CRS84, Crs, crs_from_srid

COLLECTION_ID = r"^[A-Za-z0-9_\u4e00-\u9fff][A-Za-z0-9_.\-\u4e00-\u9fff]{0,62}$"
_WORLD_WIDE = (4326, 3857)
_CGCS2000 = 4490


class SourceDeclaration(Model):
    """Where the features are."""

    store: str = Setting(description="Name of a store of the configuration.")
    table: str = Setting(description="Table of that store.")


class FieldDeclaration(Model):
    """What is known of a field beyond its name and type."""

    title: Text | None = Setting(None, description="Title shown to people.")
    role: str | None = Setting(None, description="How processes address the field: code, area, name, ...")
    level: Level | None = Setting(None, description="Classification of the field when above the collection's.")
    codes: str | None = Setting(None, description="Name of a code list in collections/codes.")
    unit: str | None = Setting(None, description="Unit of measure (UCUM).")


class CoverageDeclaration(Model):
    """The extent of validity: the union of these features; it stands in the same store."""

    table: str = Setting(description="Table with the polygons.")
    where: dict[str, str] = Setting(default_factory=dict, description="Column values that choose the polygons.")


class CatalogueDeclaration(Model):
    """The place of a collection in the two-level catalogue of the One Map."""

    kind: Kind = Setting(description="First level: 现状, 规划, 管理, 社会经济.")
    group: Text | None = Setting(None, description="Second level.")


class TilesDeclaration(Model):
    """How vector tiles are made of the layer."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    generalise: Literal["size", "coverage"] = Setting(
        "size",
        description="What low zooms show. size: features that are large enough to be seen. coverage: the surfaces lie"
        " side by side without gaps and overlaps (land use, planning); small ones merge with a neighbour, none is left"
        " out.",
    )
    class_: str | None = Setting(
        None,
        alias="class",
        description="Field with the class of a surface: like merges with like first; default: colour_by.",
    )
    pack: Literal["auto", "always", "never"] = Setting(
        "auto",
        description="Whether tiles are made from a pack, a file that is built from the store; auto: where the store"
        " makes no tiles itself.",
    )
    labels: bool = Setting(
        False,
        description="Whether tiles have a second layer, `<id>:label`, with one point for each feature in the one tile"
        " that it lies in, so that styles write each name once.",
    )


class CollectionDeclaration(Model):
    """One file of ``collections/``."""

    id: Annotated[str, StringConstraints(pattern=COLLECTION_ID)] = Setting(description="Identifier in addresses.")
    title: Text = Setting(description="Title.")
    description: Text = Setting(Text(zh="", en=""), description="Description.")
    source: SourceDeclaration = Setting(description="Store and table.")
    level: Level = Setting(description="Classification: P, G, S, C, X1, X2 or X3.")
    role: str | None = Setting(None, description="How processes address the layer: landuse, farmland, redline, ...")
    key: str | None = Setting(None, description="Unique field that makes the feature id; default: the primary key.")
    fields: dict[str, FieldDeclaration] | None = Setting(
        None, description="Fields that are published, in this order; default: all."
    )
    crs: tuple[int, ...] = Setting(
        (), description="EPSG codes offered beside 4326, 3857, the storage CRS and, for data on CGCS2000, 4490."
    )
    datetime: str | tuple[str, str] | None = Setting(None, description="Temporal field, or start and end fields.")
    date: str | None = Setting(None, description="Currency of the data (date), stated in process results.")
    coverage: CoverageDeclaration | None = Setting(None, description="Extent of validity for process verdicts.")
    catalogue: CatalogueDeclaration | None = Setting(None, description="Place in the layer tree of the map.")
    keywords: tuple[str, ...] = Setting((), description="Keywords.")
    attribution: str = Setting("", description="Attribution.")
    colour_by: str | None = Setting(None, description="Field whose code list has a column 'colour' for maps.")
    tiles: TilesDeclaration = Setting(TilesDeclaration(), description="How vector tiles are made of the layer.")
    order: int = Setting(0, description="Place in lists, ascending.")
    editable: bool = Setting(
        False, description="Whether features may be created, changed and deleted where the zone lets anybody edit."
    )


def read_declarations(folder: Path) -> dict[Path, CollectionDeclaration]:
    """Return the declarations of the YAML files in a folder. Raises ConfigError naming file, line and key."""
    files = sorted(folder.glob("*.yml")) if folder.is_dir() else []
    return {path: validate(CollectionDeclaration, read_yaml(path), path) for path in files}


def collect(declared: CollectionDeclaration, table: TableInfo, codes: Mapping[str, CodeList]) -> Collection:
    """Return the collection that a declaration makes of a table.

    Raises ConfigError when the declaration names a field, key or code list that is not there.
    """
    storage = crs_from_srid(table.srid)
    _check_names(declared, table)
    temporal = (declared.datetime,) if isinstance(declared.datetime, str) else declared.datetime or ()
    return Collection(
        id=declared.id,
        title=declared.title,
        description=declared.description,
        store=declared.source.store,
        table=table,
        key=declared.key or table.key or table.primary_key,
        fields=_fields(declared, table, codes),
        level=declared.level,
        storage=storage,
        crs=offered_crs(storage, declared.crs),
        role=declared.role,
        temporal=temporal,
        date=declared.date,
        coverage=_coverage(declared),
        kind=declared.catalogue.kind if declared.catalogue else None,
        group=declared.catalogue.group if declared.catalogue else None,
        keywords=declared.keywords,
        attribution=declared.attribution,
        colour_by=declared.colour_by,
        order=declared.order,
        editable=declared.editable,
        tiles=_tiling(declared),
    )


def offered_crs(storage: Crs, more: tuple[int, ...] = ()) -> tuple[Crs, ...]:
    """Return the systems that a collection offers: CRS84 first, then storage, the common ones and ``more``.

    EPSG:4490 is common to all layers that are stored on CGCS2000.
    """
    national = (_CGCS2000,) if storage.cgcs2000_gk or storage.srid == _CGCS2000 else ()
    srids = dict.fromkeys((*national, *_WORLD_WIDE, storage.srid, *more))
    return (CRS84, *(crs_from_srid(srid) for srid in srids))


def _check_names(declared: CollectionDeclaration, table: TableInfo) -> None:
    known = {field.name for field in table.fields}
    temporal = [declared.datetime] if isinstance(declared.datetime, str) else list(declared.datetime or ())
    coloured = [name for name in (declared.colour_by, declared.tiles.class_) if name]
    for name in [*(declared.fields or ()), *temporal, *coloured]:
        if name not in known:
            raise ConfigError(
                f"Collection '{declared.id}': table '{table.name}' has no field '{name}'.", did_you_mean(name, known)
            )
    if declared.key and declared.key not in known | {table.primary_key, table.key}:
        raise ConfigError(f"Collection '{declared.id}': no field '{declared.key}'.", did_you_mean(declared.key, known))


def _fields(declared: CollectionDeclaration, table: TableInfo, codes: Mapping[str, CodeList]) -> tuple[Field, ...]:
    found = {field.name: field for field in table.fields}
    listed = declared.fields if declared.fields is not None else dict.fromkeys(found, FieldDeclaration())
    return tuple(_field(found[name], more, declared, codes) for name, more in listed.items())


def _field(
    found: Field, more: FieldDeclaration, declared: CollectionDeclaration, codes: Mapping[str, CodeList]
) -> Field:
    if more.codes and more.codes not in codes:
        raise ConfigError(
            f"Collection '{declared.id}', field '{found.name}': no code list '{more.codes}'.",
            did_you_mean(more.codes, codes),
        )
    return Field(
        name=found.name,
        type=found.type,
        title=more.title or found.title,
        level=more.level or declared.level,
        role=more.role,
        codes=codes[more.codes] if more.codes else None,
        max_length=found.max_length,
        unit=more.unit,
        required=found.required,
        read_only=found.read_only,
        bits=found.bits,
    )


def _tiling(declared: CollectionDeclaration) -> Tiling:
    said = declared.tiles
    published = said.class_ or declared.colour_by
    packed = {"always": True, "never": False}.get(said.pack)
    return Tiling(said.generalise == "coverage", published, packed, said.labels)


def _coverage(declared: CollectionDeclaration) -> Coverage | None:
    if declared.coverage is None:
        return None
    return Coverage(declared.source.store, declared.coverage.table, tuple(sorted(declared.coverage.where.items())))
