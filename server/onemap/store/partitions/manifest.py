"""The manifest of a partitioned collection: what it is of, in which version, and which file holds what."""

from __future__ import annotations

from pydantic import Field, TypeAdapter, ValidationError

from onemap.catalog import Collection
from onemap.config.models import Model
from onemap.errors import ConfigError
from onemap.geo.crs import Bounds
from onemap.store.partitions.folder import Folder

MANIFEST = "manifest.json"
_COLLECTION = TypeAdapter(Collection)


class Partition(Model):
    """A file of features."""

    key: str = Field(description="Quadrants from the root down: 0 lower left, 1 lower right, 2 upper left, 3 upper.")
    file: str = Field(description="Path in the folder.")
    rows: int = Field(description="Features.")
    bounds: Bounds = Field(description="Bounds of the features, x and y of the CRS; they reach beyond the tile.")
    ids: tuple[int, int] = Field(description="Least and largest primary key.")


class CoverageEntry(Model):
    """The extent of validity that the collection declares."""

    file: str = Field(description="WKB, x and y.")
    srid: int = Field(description="EPSG code.")


class Manifest(Model):
    """What ``manifest.json`` holds. ``collection`` is the view that was exported."""

    format: str = Field("onemap-partitions", description="Name of this form.")
    format_version: int = Field(1, description="Version of this form.")
    id: str = Field(description="Id of the collection.")
    version: str = Field(description="Version of the data, as results name it.")
    crs: str = Field(description="URI of the system of the coordinates, which are exactly those stored.")
    srid: int = Field(description="Its EPSG code.")
    roles: dict[str, str] = Field(description="Which column has which role.")
    areas: bool = Field(description="Whether areas of whole features (m2) are in the column onemap_area.")
    selection: str = Field(description="Filter in CQL2 text that features were chosen by; empty for all.")
    square: Bounds = Field(description="Root of the quadtree.")
    most_rows: int = Field(description="Most features in a file.")
    features: int = Field(description="Features in all files.")
    coverage: CoverageEntry | None = Field(None, description="Extent of validity; none where none is declared.")
    partitions: tuple[Partition, ...] = Field(description="The files, in the order of their keys.")
    collection: dict[str, object] = Field(description="The collection with its fields and code lists.")

    def declared(self) -> Collection:
        """Return the collection. Raises ConfigError."""
        try:
            return _COLLECTION.validate_python(self.collection)
        except ValidationError as error:
            raise ConfigError(f"The manifest of '{self.id}' cannot be used: {error}.", "Export it again.") from None


def collection_data(collection: Collection) -> dict[str, object]:
    """Return a collection as it stands in a manifest."""
    data: dict[str, object] = _COLLECTION.dump_python(collection, mode="json")
    return data


def read_manifest(folder: Folder) -> Manifest:
    """Return the manifest of a folder. Raises ConfigError."""
    if not folder.exists(MANIFEST):
        raise ConfigError(f"{folder.address} holds no {MANIFEST}.", "Write one with: onemap export --partition")
    try:
        return Manifest.model_validate_json(folder.read(MANIFEST))
    except ValidationError as error:
        raise ConfigError(f"{folder.address}/{MANIFEST} cannot be used: {error}.", "Export it again.") from None
