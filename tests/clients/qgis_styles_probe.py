"""Runs inside Debian's Python with QGIS: load a style with its tiles and an SLD, say as JSON what QGIS made of them.

Usage: qgis_styles_probe.py URL STYLE GEOPACKAGE TABLE IMAGE
"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapBoxGlStyleConversionContext,
    QgsMapBoxGlStyleConverter,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsRenderContext,
    QgsVectorLayer,
    QgsVectorTileLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage

application = QgsApplication([], False)
application.initQgis()
url, name, geopackage, table, image = sys.argv[1:]


def fetch(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


def draw(layers, box, crs):
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setBackgroundColor(QColor("white"))
    settings.setOutputSize(QSize(500, 500))
    settings.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    settings.setExtent(box)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def colours(picture):
    found = {}
    for x in range(0, 500, 3):
        for y in range(0, 500, 3):
            colour = picture.pixelColor(x, y).name()
            found[colour] = found.get(colour, 0) + 1
    return found


source = QgsVectorLayer(f"{geopackage}|layername={table}", table, "ogr")
style = json.loads(fetch(f"{url}/styles/{name}?f=mapbox"))
context = QgsMapBoxGlStyleConversionContext()
context.setSprites(QImage.fromData(fetch(style["sprite"] + "@2x.png")), json.loads(fetch(style["sprite"] + "@2x.json")))
converter = QgsMapBoxGlStyleConverter()
converted = converter.convert(style, context) == QgsMapBoxGlStyleConverter.Success
tilejson = json.loads(fetch(style["sources"][table]["url"]))
template = urllib.parse.quote(tilejson["tiles"][0], safe=":/{}?=")
levels = f"zmin={tilejson['minzoom']}&zmax={tilejson['maxzoom']}"
tiles = QgsVectorTileLayer(f"type=xyz&url={template}&{levels}", table)
tiles.setRenderer(converter.renderer().clone())
transform = QgsCoordinateTransform(source.crs(), QgsCoordinateReferenceSystem("EPSG:3857"), QgsProject.instance())
drawn = draw([tiles], transform.transformBoundingBox(source.extent()), "EPSG:3857")
drawn.save(image)

sld = image + ".sld"
Path(sld).write_bytes(fetch(f"{url}/styles/{name}?f=sld11"))
message, loaded = source.loadSldStyle(sld)
renderer = source.renderer()
symbols = renderer.symbols(QgsRenderContext())
draw([source], source.extent(), source.crs().authid())
until = time.time() + 3  # patterns are fetched while QGIS goes on
while time.time() < until:
    application.processEvents()
    time.sleep(0.05)
by_sld = draw([source], source.extent(), source.crs().authid())
by_sld.save(image + ".sld.png")
print(
    json.dumps(
        {
            "converted": converted,
            "warnings": [text for text in converter.warnings() if "is not available on system" not in text],
            "valid": tiles.isValid(),
            "layers": sorted({item.layerName() for item in converter.renderer().styles()}),
            "colours": colours(drawn),
            "loaded": loaded,
            "message": message,
            "symbols": sorted({type(part).__name__ for symbol in symbols for part in symbol.symbolLayers()}),
            "rules": len(symbols),
            "sld_colours": colours(by_sld),
        }
    )
)
sys.stdout.flush()
os._exit(0)  # Qt's tear-down without a display is not reliable
