// From the description of a collection to MapLibre layers: colours by code list, else by the layer's role.

const ROLES = {
  landuse: { order: 0, colour: '#b9c48f', fill: 0.85, line: 0.4, faint: true },
  buildings: { order: 20, colour: '#8a6f60', fill: 0.7, line: 0.8 },
  farmland: { order: 30, colour: '#8b9a12', fill: 1, line: 1.1, hatch: true },
  projects: { order: 40, colour: '#d9731a', fill: 0.18, line: 1.6 },
  redline: { order: 50, colour: '#d1302a', fill: 0.06, line: 1.3, halo: '#17a05a' },
  'urban-boundary': { order: 60, colour: '#6a3fb0', fill: 0.14, line: 1.8, outline: true },
  admin: { order: 70, colour: '#4b5563', fill: 0, line: 0.9, dash: [6, 2, 1, 2] },
}
const ALIASES = { building: 'buildings', project: 'projects', 'approved-projects': 'projects', 'ecological-redline': 'redline' }
const OTHERS = ['#2f7fb8', '#b8572f', '#2f9b8c', '#a03f7d', '#7d8a2f', '#5a61c2']
const FEATURES = { colour: '#d1352b', fill: 0.16, line: 1.8 }
const CODED = { colour: '#8d968f', fill: 0.9, line: 1.6 }

export function look(layer, place = 0) {
  const named = ROLES[ALIASES[layer.role] ?? layer.role]
  const above = layer.geometry_type.endsWith('POINT') ? 2 : Number(layer.geometry_type.endsWith('LINESTRING'))
  return named ?? { order: 10 + above, colour: OTHERS[place % OTHERS.length], fill: 0.3, line: 1.2 }
}

// Return the pairs of code and colour that a collection is drawn by.
export function colours(layer) {
  return Object.entries(layer.colours ?? {}).filter(([, colour]) => colour)
}

function paint(layer, plain) {
  const pairs = layer.colour_by ? colours(layer) : []
  return pairs.length ? ['match', ['to-string', ['get', layer.colour_by]], ...pairs.flat(), plain] : plain
}

const only = (kind) => ['==', ['geometry-type'], kind]

// Return the MapLibre layers of one source; ``extra`` names the source and, for tiles, the source layer.
export function styleLayers(id, extra, shown, colour = shown.colour) {
  const made = []
  const add = (suffix, type, kind, attributes, layout = {}) =>
    made.push({ id: `${id}:${suffix}`, type, ...extra, filter: only(kind), paint: attributes, layout })
  if (shown.hatch) add('hatch', 'fill', 'Polygon', { 'fill-pattern': 'hatch' })
  else add('fill', 'fill', 'Polygon', { 'fill-color': colour, 'fill-opacity': shown.fill, 'fill-antialias': false })
  const width = (factor) => ['interpolate', ['linear'], ['zoom'], 8, shown.line * factor * 0.6, 15, shown.line * factor * 1.5]
  const round = { 'line-join': 'round', 'line-cap': 'round' }
  if (shown.halo) add('halo', 'line', 'Polygon', { 'line-color': shown.halo, 'line-width': width(4), 'line-opacity': 0.6 }, round)
  const dash = shown.dash ? { 'line-dasharray': shown.dash } : {}
  const edge = colour === shown.colour || shown.outline ? colour : '#5d6454'
  const opacity = shown.faint ? ['interpolate', ['linear'], ['zoom'], 11, 0, 14, 0.6] : 1
  add('edge', 'line', 'Polygon', { 'line-color': edge, 'line-opacity': opacity, 'line-width': width(1), ...dash }, { 'line-join': 'round' })
  add('line', 'line', 'LineString', { 'line-color': colour, 'line-width': width(1.3), ...dash }, round)
  add('point', 'circle', 'Point', {
    'circle-color': colour, 'circle-radius': 4.5, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1.2,
  })
  return made
}

export function tileLayers(layer, place) {
  const shown = look(layer, place)
  return styleLayers(layer.id, { source: layer.id, 'source-layer': layer.id }, shown, paint(layer, shown.colour))
}

// Return the MapLibre layers of GeoJSON: in the colours of its codes where the collection has such.
export function featureLayers(source, layer = null) {
  if (!layer?.colour_by || !colours(layer).length) return styleLayers(source, { source }, FEATURES)
  return styleLayers(source, { source }, CODED, paint(layer, CODED.colour))
}

// Return the pattern of permanent basic farmland: diagonal strokes on a transparent ground.
export function hatch() {
  const side = 16
  const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side })
  const pen = canvas.getContext('2d')
  pen.strokeStyle = ROLES.farmland.colour
  pen.lineWidth = 1.6
  pen.globalAlpha = 0.8
  for (const shift of [-side, 0, side]) {
    pen.beginPath()
    pen.moveTo(shift - 2, side + 2)
    pen.lineTo(shift + side + 2, -2)
    pen.stroke()
  }
  return pen.getImageData(0, 0, side, side)
}
