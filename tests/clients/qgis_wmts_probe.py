"""Runs inside Debian's Python with QGIS: open a WMTS layer on matrix sets, say as JSON where QGIS placed it.

Usage: qgis_wmts_probe.py CAPABILITIES LAYER SET=CRS ...
"""

import json
import os
import sys
from urllib.parse import quote

from qgis.core import QgsApplication, QgsRasterLayer

application = QgsApplication([], False)
application.initQgis()
url, name, *pairs = sys.argv[1:]
found = {}
for pair in pairs:
    matrix_set, crs = pair.split("=")
    parts = {
        "crs": crs,
        "format": "application/vnd.mapbox-vector-tile",
        "layers": name,
        "styles": "default",
        "tileMatrixSet": matrix_set,
        "url": quote(url, safe=""),
    }
    layer = QgsRasterLayer("&".join(f"{key}={value}" for key, value in parts.items()), name, "wms")
    box = layer.extent()
    found[matrix_set] = {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "bounds": [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()],
    }
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)  # Qt's tear-down without a display is not reliable
