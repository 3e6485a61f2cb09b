// A click on the map: what is there, with the titles of fields and codes from the collection's schema.

import { base, el, json, lang, t } from './dom.js'
import { layersOf } from './layers.js'

const MOST = 8
const UNITS = { m2: 'm²', km2: 'km²' }
const schemas = new Map()

function schema(collection) {
  if (!schemas.has(collection)) {
    const address = `${base}/collections/${encodeURIComponent(collection)}/schema?f=json&lang=${lang}`
    schemas.set(collection, json(address).then((document) => document.properties))
  }
  return schemas.get(collection)
}

function text(value, property) {
  if (value === null || value === undefined || value === '') return '—'
  const title = property?.oneOf?.find((item) => item.const === String(value))?.title
  if (title) return `${title} ${value}`
  const unit = property?.['x-ogc-unit']
  return unit ? `${value} ${UNITS[unit] ?? unit}` : String(value)
}

function address(feature, properties) {
  const key = Object.keys(properties).find((name) => properties[name]['x-ogc-role'] === 'id')
  const id = feature.properties[key] ?? feature.id
  if (id === undefined) return null
  return `${base}/collections/${encodeURIComponent(feature.source)}/items/${encodeURIComponent(id)}`
}

// Return what a feature is called in the list: the title of its code, its name, or its id.
function label(feature, layer, href, properties) {
  const code = layer.colour_by ? text(feature.properties[layer.colour_by], properties[layer.colour_by]) : null
  const name = feature.properties[layer.name]
  const id = href ? decodeURIComponent(href.split('/').pop()) : ''
  return [layer.title, ' ', el('span', { class: 'code' }, code ?? name ?? id)]
}

// Return a feature with its attributes, folded or open.
export async function describe(feature, layer, open) {
  const properties = await schema(feature.source)
  const rows = Object.entries(properties)
    .filter(([name]) => feature.properties[name] !== undefined)
    .map(([name, property]) => el('tr', {}, el('th', { scope: 'row' }, property.title ?? name), el('td', {}, text(feature.properties[name], property))))
  const href = address(feature, properties)
  return el('details', { open },
    el('summary', {}, label(feature, layer, href, properties)),
    el('table', { class: 'attributes' }, el('tbody', {}, rows)),
    href && el('p', {}, el('a', { href }, t('打开要素', 'Open the feature'))))
}

function unique(features) {
  const seen = new Set()
  return features.filter((feature) => {
    const key = `${feature.source}/${feature.id ?? JSON.stringify(feature.properties)}`
    return !seen.has(key) && seen.add(key)
  })
}

// Whether a point lies within the rings of a polygon, holes apart.
function inside([x, y], rings) {
  let within = false
  for (const ring of rings) {
    for (let at = 0, before = ring.length - 1; at < ring.length; before = at++) {
      const [x0, y0] = ring[before], [x1, y1] = ring[at]
      if ((y0 > y) !== (y1 > y) && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) within = !within
    }
  }
  return within
}

// Return the polygons around a place of the layers that are shown by their borders only.
function around(map, layers, lngLat) {
  const bordered = layers.filter((layer) => {
    const parts = layersOf(map, layer.id)
    return parts.some(({ layout }) => layout?.visibility !== 'none') && !parts.some(({ type }) => type === 'fill')
  })
  return bordered.flatMap((layer) => map.querySourceFeatures(layer.id, { sourceLayer: layer.id })
    .filter(({ geometry: { type, coordinates } }) => {
      const polygons = type === 'Polygon' ? [coordinates] : type === 'MultiPolygon' ? coordinates : []
      return polygons.some((rings) => inside(lngLat.toArray(), rings))
    })
    .map(({ id, properties }) => ({ id, properties, source: layer.id })))
}

// Show what is at a place: ``event`` has its point on the screen and its longitude and latitude.
async function identify(map, known, { point, lngLat }, focus) {
  if (map.getCanvas().dataset.busy) return
  const drawn = map.queryRenderedFeatures(point).filter((feature) => known.has(feature.source))
  // Regions contain everything, so they stand last.
  const last = (feature) => Number(known.get(feature.source).role === 'admin')
  const features = unique([...drawn, ...around(map, [...known.values()], lngLat)]).sort((a, b) => last(a) - last(b))
  if (!features.length) return
  const parts = await Promise.all(features.slice(0, MOST).map((feature, place) => describe(feature, known.get(feature.source), place === 0)))
  const more = features.length > MOST ? el('p', { class: 'quiet' }, t(`另有 ${features.length - MOST} 个要素。`, `${features.length - MOST} more features.`)) : null
  new window.maplibregl.Popup({ maxWidth: '340px', focusAfterOpen: focus })
    .setLngLat(lngLat).setDOMContent(el('div', { class: 'popup' }, parts, more)).addTo(map)
}

// A click says what is there; so does Enter, for the middle of the map. Escape closes what was said.
export function attributesOnClick(map, layers) {
  const known = new Map(layers.map((layer) => [layer.id, layer]))
  const canvas = map.getCanvas()
  map.on('click', (event) => identify(map, known, event, false))
  canvas.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return
    const lngLat = map.getCenter()
    identify(map, known, { point: map.project(lngLat), lngLat }, true)
  })
  map.getContainer().addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || canvas.dataset.busy) return
    map.getContainer().querySelector('.maplibregl-popup-close-button')?.click()
    canvas.focus()
  })
  map.on('mousemove', ({ point }) => {
    if (canvas.dataset.busy) return
    canvas.style.cursor = map.queryRenderedFeatures(point).some((feature) => known.has(feature.source)) ? 'pointer' : ''
  })
}
