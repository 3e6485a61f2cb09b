"""Runs inside Debian's Python with QGIS: load a collection, say as JSON what QGIS made of it.

Usage: qgis_probe.py URL COLLECTION [minx miny maxx maxy]
"""

import json
import os
import sys

from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

application = QgsApplication([], False)
application.initQgis()
url, collection, *box = sys.argv[1:]
uri = f"pagingEnabled='true' typename='{collection}' url='{url}' restrictToRequestBBOX='1'"
layer = QgsVectorLayer(uri, collection, "OAPIF")
request = QgsFeatureRequest(QgsRectangle(*map(float, box))) if box else QgsFeatureRequest()
features = list(layer.getFeatures(request))
extents = [feature.geometry().boundingBox() for feature in features]
print(
    json.dumps(
        {
            "valid": layer.isValid(),
            "crs": layer.crs().authid(),
            "fields": [field.name() for field in layer.fields()],
            "count": len(features),
            "bounds": [[box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()] for box in extents[:20]],
        }
    )
)
sys.stdout.flush()
os._exit(0)  # Qt's tear-down without a display is not reliable
