// What a process answered: the result for reading, its files, and on a map the parcels with their pieces.

import { base } from './dom.js'
import { decoded, files } from './outputs.js'
import { attributesOnClick } from './popup.js'
import { show } from './result.js'
import { around, createMap, showFeatures } from './view.js'

const PARCELS = 'parcels'
const collection = (features) => ({ type: 'FeatureCollection', features })

// Show an answer, outputs by id, in the element. ``evidence``: the address of its evidence, where it has any.
export function showAnswer(element, answer, process, evidence = null) {
  show(element, answer?.result ?? answer, process, evidence)
  element.append(files(answer, process))
}

// Draw parcels and, above them, pieces; either may be null.
export function showShapes(map, { parcels, pieces }) {
  showFeatures(map, parcels, PARCELS)
  showFeatures(map, pieces, 'pieces', false)
}

// Return the shapes of one collection, whose features say of which layer they are.
export function shapesOf({ features }) {
  const own = (wanted) => features.filter(({ properties }) => (properties.layer === PARCELS) === wanted)
  return { parcels: collection(own(true)), pieces: collection(own(false)) }
}

// Return the pieces of an answer that holds them as GeoJSON, or null.
export function piecesOf(answer) {
  const found = Object.values(answer ?? {}).find((item) => item?.mediaType?.startsWith('application/geo+json'))
  return found ? JSON.parse(new TextDecoder().decode(decoded(found))) : null
}

// Make a map with the collections of the map page, to draw on; null where the browser cannot.
export async function ground(container) {
  const answer = await fetch(`${base}/map?f=html`)
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const { layers, attribution, style } = JSON.parse(page.querySelector('[data-map] script').textContent)
  const map = await createMap(container, { style, bounds: around(layers.map((layer) => layer.bounds)), attribution })
  if (!map) return null
  window.onemap = { map }
  attributesOnClick(map, layers)
  return map
}
