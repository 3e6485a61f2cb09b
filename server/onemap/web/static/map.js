// The maps of the pages: a collection's tiles, the features of a page, or all layers with their list.

import { el, t } from './dom.js'
import { showResult } from './features.js'
import { colours, look } from './layers.js'
import { attributesOnClick } from './popup.js'
import { addTiles, around, createMap, fade, toggle } from './view.js'

function swatch(shown) {
  const kind = shown.fill < 0.1 ? 'outline' : 'swatch'
  const edge = shown.halo ? `;box-shadow:0 0 0 2px ${shown.halo}66` : ''
  return el('i', { class: kind + (shown.hatch ? ' hatch' : ''), style: `--colour:${shown.colour}${edge}` })
}

// A legend of the codes that are in view: a list of land classes is long, a map shows a few of them.
function legend(map, layer) {
  const pairs = layer.colour_by ? colours(layer) : []
  if (!pairs.length) return null
  const items = new Map(pairs.map(([code, colour]) => [code,
    el('li', {}, el('i', { class: 'swatch', style: `--colour:${colour}` }), el('code', {}, code), ` ${layer.names?.[code] ?? ''}`)]))
  const details = el('details', {}, el('summary', {}, t('图例', 'Legend')), el('ul', { class: 'codes' }, [...items.values()]))
  const refresh = () => {
    if (!details.open) return
    const found = map.querySourceFeatures(layer.id, { sourceLayer: layer.id })
    const seen = new Set(found.map((feature) => String(feature.properties[layer.colour_by])))
    for (const [code, item] of items) item.hidden = !seen.has(code)
  }
  details.addEventListener('toggle', refresh)
  map.on('idle', refresh)
  return details
}

function layerList(map, layers, element) {
  element.append(el('ul', { class: 'layer-list' }, layers.map((layer, place) => {
    const box = el('input', { type: 'checkbox', checked: true })
    box.addEventListener('change', () => toggle(map, layer.id, box.checked))
    const zoom = el('button', { type: 'button', class: 'zoom', title: t('缩放到图层', 'Zoom to the layer'), 'aria-label': `${t('缩放到图层', 'Zoom to the layer')}: ${layer.title}` })
    zoom.addEventListener('click', () => layer.bounds && map.fitBounds(layer.bounds, { padding: 40, animate: false }))
    return el('li', {}, el('label', {}, box, colours(layer).length ? null : swatch(look(layer, place)), el('span', {}, layer.title)), zoom, legend(map, layer))
  })))
}

function showPosition(map, output) {
  map.on('mousemove', ({ lngLat }) => {
    output.textContent = `${lngLat.lng.toFixed(5)}°E ${lngLat.lat.toFixed(5)}°N · z${map.getZoom().toFixed(1)}`
  })
}

async function start(container) {
  const settings = JSON.parse(container.querySelector('script').textContent)
  const address = container.dataset.features
  const list = document.querySelector('[data-layers]')
  const bounds = settings.bounds ?? around(settings.layers.map((layer) => layer.bounds))
  const wide = container.clientWidth > 760
  if (list && !wide) list.parentElement.open = false
  const beside = list && wide ? list.parentElement.offsetWidth : 0
  const padding = { top: 24, right: 24, bottom: 24, left: 24 + beside }
  const map = await createMap(container, { bounds, attribution: settings.attribution, hash: Boolean(list), padding })
  if (!map) return
  addTiles(map, settings.layers)
  if (!address) attributesOnClick(map, settings.layers)
  if (list) layerList(map, settings.layers, list)
  const position = document.querySelector('[data-position]')
  if (position) showPosition(map, position)
  if (address) {
    for (const layer of settings.layers) fade(map, layer.id)
    await showResult(map, container, settings.layers[0])
  }
  window.onemap = { map }
}

for (const container of document.querySelectorAll('[data-map]:not(.parcel)')) start(container)
