"""Collections as folders of GeoParquet files, one for each tile of a quadtree: written once, read by batches."""

from onemap.store.partitions.export import Export, export
from onemap.store.partitions.folder import Folder
from onemap.store.partitions.manifest import MANIFEST, Manifest, Partition, read_manifest
from onemap.store.partitions.store import PartitionsStore

__all__ = [
    "MANIFEST",
    "Export",
    "Folder",
    "Manifest",
    "Partition",
    "PartitionsStore",
    "export",
    "read_manifest",
]
