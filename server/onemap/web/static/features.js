// The features of a page on its map: of the page or of the whole result, tied to the rows of the table.

import { el, json, t } from './dom.js'
import { describe } from './popup.js'
import { showFeatures } from './view.js'

const HIGHLIGHT = { 'line-color': '#0b57d0', 'line-width': 3.5 }
const MANY = 200
const NOTHING = ['==', ['get', '@id'], '\n']
const rows = () => [...document.querySelectorAll('[data-feature]')]

// Return GeoJSON in longitude and latitude, whatever CRS the page itself shows; ids become attributes.
async function shapes(address) {
  const asked = new URL(address)
  asked.searchParams.delete('crs')
  const data = await json(asked, { headers: { Accept: 'application/geo+json' } })
  for (const feature of data.features ?? [data]) feature.properties = { ...feature.properties, '@id': String(feature.id) }
  return data
}

// Draw the features; where they are many, with thin outlines that leave their colours to be seen.
function drawShapes(map, data, layer) {
  showFeatures(map, data, 'features', true, layer)
  const wide = ['interpolate', ['linear'], ['zoom'], 8, 1, 15, 2.5]
  if (layer) map.setPaintProperty('features:edge', 'line-width', data.features.length > MANY ? 0.5 : wide)
}

function highlighter(map) {
  const source = 'features'
  const round = { 'line-join': 'round', 'line-cap': 'round' }
  const point = ['==', ['geometry-type'], 'Point']
  map.addLayer({ id: 'highlight', type: 'line', source, filter: NOTHING, paint: HIGHLIGHT, layout: round })
  map.addLayer({ id: 'highlight-point', type: 'circle', source, filter: NOTHING, paint: { 'circle-color': '#0b57d0', 'circle-radius': 7 } })
  return (id) => {
    const same = id === null ? NOTHING : ['==', ['get', '@id'], id]
    map.setFilter('highlight', same)
    map.setFilter('highlight-point', ['all', point, same])
    for (const row of rows()) row.classList.toggle('current', row.dataset.feature === id)
  }
}

function linkRows(highlight) {
  for (const row of rows()) {
    for (const event of ['mouseenter', 'focusin']) row.addEventListener(event, () => highlight(row.dataset.feature))
    for (const event of ['mouseleave', 'focusout']) row.addEventListener(event, () => highlight(null))
  }
}

// A click says what is there: the attributes of the feature, read from the server.
function identify(map, layer, highlight) {
  const found = (point) => map.queryRenderedFeatures(point).find((item) => item.source === 'features')
  map.on('mousemove', ({ point }) => { map.getCanvas().style.cursor = found(point) ? 'pointer' : '' })
  map.on('click', async ({ point, lngLat }) => {
    const feature = found(point)
    if (!feature) return
    const id = feature.properties['@id']
    highlight(id)
    const address = new URL(document.querySelector('[data-map]').dataset.features)
    const item = await json(`${address.origin}${address.pathname}/${encodeURIComponent(id)}?f=json`)
    const properties = Object.fromEntries(Object.entries(item.properties).filter(([, value]) => value !== null))
    const part = await describe({ source: layer.id, id, properties }, layer, true)
    const popup = new window.maplibregl.Popup({ maxWidth: '340px', focusAfterOpen: false })
    popup.setLngLat(lngLat).setDOMContent(el('div', { class: 'popup' }, part)).addTo(map)
    popup.on('close', () => highlight(null))
  })
}

// The choice between the page and the whole result, and a search in the extent of the map.
function controls(side, container, draw, map) {
  const status = el('output', { class: 'note' })
  const choices = [['features', t('本页', 'This page')], ['whole', t('全部结果', 'Whole result')]]
  const buttons = choices.map(([name, title]) => el('button', { type: 'button', class: 'button', 'data-show': name, 'aria-pressed': String(name === 'features') }, title))
  const choose = async (chosen) => {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button === chosen))
    await draw(chosen.dataset.show, status).catch((error) => { status.textContent = error.message })
  }
  for (const button of buttons) button.addEventListener('click', () => choose(button))
  const box = el('button', { type: 'button', class: 'button' }, t('只查此范围', 'Search this area'))
  box.addEventListener('click', () => searchHere(map))
  side.insertBefore(el('div', { class: 'maptools' }, el('span', { class: 'segments', role: 'group', 'aria-label': t('地图内容', 'Shown on the map') }, buttons), box, status), container)
}

function searchHere(map) {
  const form = document.querySelector('[data-query]')
  const [[west, south], [east, north]] = map.getBounds().toArray()
  form.elements.bbox.value = [west, south, east, north].map((value) => value.toFixed(5)).join(',')
  form.requestSubmit()
}

function told(count, matched, most) {
  if (count >= most && matched !== count) return t(`前 ${count} 个要素`, `The first ${count} features`)
  return t(`${count} 个要素`, `${count} feature${count === 1 ? '' : 's'}`)
}

// Show the features of a page, or the one of its own page; ``layer``, the collection's, gives their colours.
export async function showResult(map, container, layer) {
  const side = container.closest('[data-side]')
  const draw = async (kind, status) => {
    const data = await shapes(container.dataset[kind])
    drawShapes(map, data, layer)
    status.textContent = told(data.features.length, data.numberMatched, Number(side.dataset.most))
  }
  drawShapes(map, await shapes(container.dataset.features), side && layer)
  if (!side) return
  const highlight = highlighter(map)
  linkRows(highlight)
  identify(map, layer, highlight)
  controls(side, container, draw, map)
}
