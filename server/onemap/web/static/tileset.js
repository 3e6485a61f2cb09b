// The map of a tileset in the CRS of its matrix set, by OpenLayers: what the other library can only draw on web Mercator.

import { el, json, t } from './dom.js'

const { ol } = window
const SHOWN = { attributes: 12 }

// A projection needs no formulas here: the map, the grid and the tiles are in the same x, y.
function projection({ crs, geographic }) {
  if (crs === 'EPSG:3857') return ol.proj.get(crs)
  const metersPerUnit = geographic ? (Math.PI * 6378137) / 180 : 1
  return new ol.proj.Projection({ code: crs, units: geographic ? 'degrees' : 'm', metersPerUnit, axisOrientation: 'enu' })
}

function source({ tiles, grid, attribution, bounds }, inside) {
  const tileGrid = new ol.tilegrid.TileGrid({
    origins: grid.origins, resolutions: grid.resolutions, tileSizes: grid.tileSizes, extent: bounds,
  })
  const address = ([level, col, row]) => tiles
    .replace('{tileMatrix}', grid.ids[level]).replace('{tileRow}', row).replace('{tileCol}', col)
  return new ol.source.VectorTile({
    format: new ol.format.MVT(), projection: inside, tileGrid, tileUrlFunction: address,
    attributions: attribution || undefined, wrapX: false,
  })
}

// Return the resolution of each zoom level of web maps in units of the projection: what styles count by.
function zooms(inside) {
  return Array.from({ length: 25 }, (_, zoom) => 156543.03392804097 / 2 ** zoom / inside.getMetersPerUnit())
}

// Return a map layer for each layer of the tiles, all from one source: within one map layer, features of different
// collections with the same id would hide each other from clicks.
function mapLayers(layers, tiles, resolutions) {
  return Promise.all(layers.map(async ({ id, style }, zIndex) => {
    const drawn = new ol.layer.VectorTile({ source: tiles, zIndex, renderBuffer: 64, declutter: true })
    await dress(drawn, await json(style), id, resolutions)
    return drawn
  }))
}

// Load what reads styles. It looks for a table of states that the complete build of OpenLayers leaves out.
async function styler() {
  ol.ImageState ??= { IDLE: 0, LOADING: 1, LOADED: 2, ERROR: 3, EMPTY: 4 }
  const script = el('script', { src: new URL('vendor/ol/olms.js', import.meta.url) })
  await new Promise((resolve, reject) => {
    script.addEventListener('load', resolve)
    script.addEventListener('error', reject)
    document.head.append(script)
  })
}

// Draw a layer with the style of its collection: the one that the other library draws on web Mercator.
async function dress(drawn, style, id, resolutions) {
  const sprite = await json(`${style.sprite}.json`)
  window.olms.stylefunction(drawn, style, id, resolutions, sprite, `${style.sprite}.png`, () => ['sans-serif'])
}

function position(map, { geographic }, output) {
  map.on('pointermove', ({ coordinate: [x, y] }) => {
    const level = map.getView().getZoom()
    const said = geographic ? `${x.toFixed(6)}°E ${y.toFixed(6)}°N` : `X(N) ${y.toFixed(2)}  Y(E) ${x.toFixed(2)}`
    output.textContent = `${said} · z${level.toFixed(1)}`
  })
}

function identify(map, layers, box) {
  const titles = new Map(layers.map((layer) => [layer.id, layer.title]))
  map.on('singleclick', ({ pixel }) => {
    const found = map.forEachFeatureAtPixel(pixel, (feature) => feature, { hitTolerance: 4 })
    box.replaceChildren()
    box.hidden = !found
    if (!found) return
    const pairs = Object.entries(found.getProperties()).filter(([name]) => name !== 'layer').slice(0, SHOWN.attributes)
    const rows = pairs.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])
    box.append(el('strong', {}, titles.get(found.get('layer').replace(/:label$/, '')) ?? ''), el('dl', {}, rows))
  })
}

async function start(container) {
  const settings = JSON.parse(container.querySelector('script').textContent)
  container.replaceChildren()
  if (!settings.bounds || !settings.grid.ids.length) {
    container.append(el('p', { class: 'empty' }, t('没有要素。', 'There are no features.')))
    return
  }
  await styler()
  const inside = projection(settings)
  const layers = await mapLayers(settings.layers, source(settings, inside), zooms(inside))
  const view = new ol.View({
    projection: inside, resolutions: [...settings.grid.resolutions, ...finer(settings.grid.resolutions)], constrainResolution: false,
    enableRotation: false, showFullExtent: true,
  })
  const controls = [new ol.control.Zoom(), new ol.control.ScaleLine({ minWidth: 80 }), new ol.control.Attribution({ collapsible: false })]
  const map = new ol.Map({ target: container, layers, view, controls })
  view.fit(settings.bounds, { padding: [24, 24, 24, 24], size: map.getSize() })
  const box = el('div', { class: 'identified', hidden: true })
  const output = el('output', { class: 'position', 'aria-label': t('指针位置', 'Pointer position') })
  container.append(box, output)
  position(map, settings, output)
  identify(map, settings.layers, box)
  map.on('rendercomplete', () => { container.dataset.drawn = 'true' })
  window.onemap = { map }
}

function finer(resolutions) {
  const last = resolutions[resolutions.length - 1]
  return [last / 2, last / 4]
}

for (const container of document.querySelectorAll('[data-tileset]')) start(container)
