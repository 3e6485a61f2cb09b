// A click on the map: what is there, with the titles of fields and codes from the collection's schema.

import { base, el, json, lang, t } from './dom.js'

const MOST = 8
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
  return title ? `${title} ${value}` : String(value)
}

function address(feature, properties) {
  const key = Object.keys(properties).find((name) => properties[name]['x-ogc-role'] === 'id')
  const id = feature.properties[key] ?? feature.id
  if (id === undefined) return null
  return `${base}/collections/${encodeURIComponent(feature.source)}/items/${encodeURIComponent(id)}`
}

// Return what a feature is called in the list: the title of its code, or its id.
function label(feature, layer, href) {
  const code = layer.colour_by ? layer.names?.[String(feature.properties[layer.colour_by])] : null
  const id = href ? decodeURIComponent(href.split('/').pop()) : ''
  return [layer.title, ' ', el('span', { class: 'code' }, code ?? id)]
}

// Return a feature with its attributes, folded or open.
export async function describe(feature, layer, open) {
  const properties = await schema(feature.source)
  const rows = Object.entries(properties)
    .filter(([name]) => feature.properties[name] !== undefined)
    .map(([name, property]) => el('tr', {}, el('th', { scope: 'row' }, property.title ?? name), el('td', {}, text(feature.properties[name], property))))
  const href = address(feature, properties)
  return el('details', { open },
    el('summary', {}, label(feature, layer, href)),
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

export function attributesOnClick(map, layers) {
  const known = new Map(layers.map((layer) => [layer.id, layer]))
  // Regions contain everything, so they stand last.
  const last = (feature) => Number(known.get(feature.source).role === 'admin')
  const found = (point) => unique(map.queryRenderedFeatures(point).filter((feature) => known.has(feature.source)))
    .sort((a, b) => last(a) - last(b))
  map.on('click', async (event) => {
    const features = found(event.point).slice(0, MOST)
    if (!features.length || map.getCanvas().dataset.busy) return
    const parts = await Promise.all(features.map((feature, place) => describe(feature, known.get(feature.source), place === 0)))
    new window.maplibregl.Popup({ maxWidth: '340px', focusAfterOpen: false })
      .setLngLat(event.lngLat).setDOMContent(el('div', { class: 'popup' }, parts)).addTo(map)
  })
  map.on('mousemove', (event) => {
    if (!map.getCanvas().dataset.busy) map.getCanvas().style.cursor = found(event.point).length ? 'pointer' : ''
  })
}
