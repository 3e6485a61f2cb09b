"""Write Shapefiles whose text is GBK, as most offices still exchange them; the same input gives the same bytes."""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def write_shapefile(path: Path, geometries: NDArray[Any], columns: Mapping[str, NDArray[Any]], srid: int) -> list[Path]:
    """Write polygons (x, y order) and their columns, names of at most 10 characters; return the files written."""
    pyogrio.raw.write(
        path,
        shapely.to_wkb(geometries),
        list(columns.values()),
        np.array(list(columns)),
        geometry_type="Polygon",
        crs=f"EPSG:{srid}",
        driver="ESRI Shapefile",
        encoding="GBK",
        layer_options={"DBF_DATE_LAST_UPDATE": "2025-12-31"},
    )
    return [path.with_suffix(suffix) for suffix in _PARTS if path.with_suffix(suffix).exists()]


def zipped(path: Path, stem: str, geometries: NDArray[Any], columns: Mapping[str, NDArray[Any]], srid: int) -> None:
    """Write a Shapefile in a zip archive, whose entries all carry the same day."""
    with tempfile.TemporaryDirectory() as scratch:
        files = write_shapefile(Path(scratch) / f"{stem}.shp", geometries, columns, srid)
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                entry = zipfile.ZipInfo(file.name, (2025, 12, 31, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
