// The maps of the pages: a collection's tiles, the features of a page, or the viewer with all layers.

import { showResult } from './features.js'
import { place } from './permalink.js'
import { attributesOnClick } from './popup.js'
import { view as showViewer } from './viewer.js'
import { around, createMap, fade } from './view.js'

function showPosition(map, output) {
  map.on('mousemove', ({ lngLat }) => {
    output.textContent = `${lngLat.lng.toFixed(5)}°E ${lngLat.lat.toFixed(5)}°N · z${map.getZoom().toFixed(1)}`
  })
}

async function start(container) {
  const settings = JSON.parse(container.querySelector('script').textContent)
  const address = container.dataset.features
  const panel = document.querySelector('[data-viewer]')
  const bounds = settings.bounds ?? around(settings.layers.map((layer) => layer.bounds))
  const wide = container.clientWidth > 760
  if (panel && !wide) panel.open = false
  const padding = { top: 24, right: 24, bottom: 24, left: 24 + (panel && wide ? panel.offsetWidth : 0) }
  const { style, attribution } = settings
  const map = await createMap(container, { style, bounds, attribution, hash: panel ? place : false, padding })
  if (!map) return
  if (!address) attributesOnClick(map, settings.layers)
  if (panel) await showViewer(map, settings, panel)
  const position = document.querySelector('[data-position]')
  if (position) showPosition(map, position)
  if (address) {
    for (const layer of settings.layers) fade(map, layer.id)
    await showResult(map, container, settings.layers[0])
  }
  window.onemap = { map }
}

for (const container of document.querySelectorAll('[data-map]:not(.parcel)')) start(container)
