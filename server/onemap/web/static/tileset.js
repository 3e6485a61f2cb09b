// The map of a tileset in the CRS of its matrix set, by OpenLayers: what the other library can only draw on web Mercator.

import { el, t } from './dom.js'
import { colours, look } from './layers.js'

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

function rgba(colour, opacity) {
  const [red, green, blue] = ol.color.asArray(colour)
  return [red, green, blue, opacity]
}

// Return the style function of a layer: the colours of its codes where it has such, else of its role.
function styles(layer, shown) {
  const codes = new Map(colours(layer))
  const made = new Map()
  return (feature) => {
    if (feature.get('layer') !== layer.id) return null
    const code = layer.colour_by ? String(feature.get(layer.colour_by)) : ''
    const colour = codes.get(code) ?? shown.colour
    if (!made.has(colour)) made.set(colour, style(shown, colour))
    return made.get(colour)
  }
}

// Return a map layer for each layer of the tiles, all from one source: within one map layer, features of different
// collections with the same id would hide each other from clicks.
function mapLayers(layers, tiles) {
  return layers.map((layer, place) => {
    const shown = look(layer, place)
    return new ol.layer.VectorTile({ source: tiles, style: styles(layer, shown), zIndex: shown.order, renderBuffer: 64 })
  })
}

function style(shown, colour) {
  const edge = shown.faint ? rgba('#5d6454', 0.35) : shown.colour
  const stroke = new ol.style.Stroke({ color: edge, width: shown.line, lineDash: shown.dash })
  const fill = new ol.style.Fill({ color: rgba(colour, shown.hatch ? 0.35 : shown.fill) })
  const image = new ol.style.Circle({ radius: 4.5, fill: new ol.style.Fill({ color: colour }), stroke: new ol.style.Stroke({ color: '#fff', width: 1.2 }) })
  return new ol.style.Style({ fill, stroke, image })
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
    box.append(el('strong', {}, titles.get(found.get('layer')) ?? ''), el('dl', {}, rows))
  })
}

function start(container) {
  const settings = JSON.parse(container.querySelector('script').textContent)
  container.replaceChildren()
  if (!settings.bounds || !settings.grid.ids.length) {
    container.append(el('p', { class: 'empty' }, t('没有要素。', 'There are no features.')))
    return
  }
  const inside = projection(settings)
  const layers = mapLayers(settings.layers, source(settings, inside))
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
