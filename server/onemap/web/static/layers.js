// How GeoJSON is drawn above the tiles: in one colour, or in the colours that the style gives the codes of a collection.

const FEATURES = { colour: '#d1352b', fill: 0.16, line: 1.8 }
const CODED = { colour: '#8d968f', fill: 0.9, line: 1.6 }
const only = (kind) => ['==', ['geometry-type'], kind]

// Return the MapLibre layers of one source.
export function styleLayers(source, shown, colour = shown.colour) {
  const width = (factor) => ['interpolate', ['linear'], ['zoom'], 8, shown.line * factor * 0.6, 15, shown.line * factor * 1.5]
  const round = { 'line-join': 'round', 'line-cap': 'round' }
  const edge = colour === shown.colour ? colour : '#5d6454'
  const parts = [
    ['fill', 'fill', 'Polygon', { 'fill-color': colour, 'fill-opacity': shown.fill, 'fill-antialias': false }, {}],
    ['edge', 'line', 'Polygon', { 'line-color': edge, 'line-width': width(1) }, { 'line-join': 'round' }],
    ['line', 'line', 'LineString', { 'line-color': colour, 'line-width': width(1.3) }, round],
    ['point', 'circle', 'Point', { 'circle-color': colour, 'circle-radius': 4.5, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1.2 }, {}],
  ]
  return parts.map(([suffix, type, kind, paint, layout]) => ({ id: `${source}:${suffix}`, type, source, filter: only(kind), paint, layout }))
}

// Return the layers of a map's style that draw a collection.
export function layersOf(map, collection) {
  return map.getStyle().layers.filter((layer) => layer.metadata?.['onemap:collection'] === collection)
}

// Return the MapLibre layers of GeoJSON: in the colours of its codes where the style of the collection has such.
export function featureLayers(map, source, collection = null) {
  const fills = collection ? layersOf(map, collection).map((layer) => layer.paint?.['fill-color']) : []
  const coded = fills.find((colour) => Array.isArray(colour))
  return coded ? styleLayers(source, CODED, coded) : styleLayers(source, FEATURES)
}
