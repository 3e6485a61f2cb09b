// A MapLibre map drawn with a style of this server, and what is drawn above it.

import { el, lang, t } from './dom.js'
import { featureLayers } from './layers.js'

const ZH = {
  'NavigationControl.ZoomIn': '放大', 'NavigationControl.ZoomOut': '缩小',
  'FullscreenControl.Enter': '全屏', 'FullscreenControl.Exit': '退出全屏', 'Popup.Close': '关闭',
  'AttributionControl.ToggleAttribution': '来源',
  'ScaleControl.Meters': '米', 'ScaleControl.Kilometers': '公里',
}
const GROUND = { version: 8, sources: {}, layers: [{ id: 'ground', type: 'background', paint: { 'background-color': '#f4f5f0' } }] }
const FADED = 0.22
const EMPTY = { type: 'FeatureCollection', features: [] }

// Return a map in the element once its style is ready; null where the browser has no WebGL.
export async function createMap(container, { style, bounds, attribution, hash = false, padding = 24 } = {}) {
  container.replaceChildren()
  let map
  try {
    map = new window.maplibregl.Map({
      container, style: style || GROUND, hash, bounds: bounds ?? [73, 17, 136, 54], fitBoundsOptions: { padding }, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, maxZoom: 20, locale: { ...(lang === 'zh' ? ZH : {}), 'Map.Title': container.dataset.label },
    })
  } catch {
    container.append(el('p', { class: 'empty' }, t('浏览器不支持 WebGL，无法显示地图。', 'This browser has no WebGL, so the map cannot be shown.')))
    return null
  }
  map.touchZoomRotate.disableRotation()
  map.addControl(new window.maplibregl.NavigationControl({ showCompass: false }), 'top-right')
  map.addControl(new window.maplibregl.ScaleControl({ maxWidth: 110 }), 'bottom-left')
  if (attribution) map.addControl(new window.maplibregl.AttributionControl({ compact: false, customAttribution: attribution }))
  await map.once('style.load')
  return map
}

export function visible(map, id) {
  return map.getStyle().layers.some((layer) => layer.source === id && layer.layout?.visibility !== 'none')
}

export function toggle(map, id, visible) {
  for (const layer of map.getStyle().layers) {
    if (layer.source === id) map.setLayoutProperty(layer.id, 'visibility', visible ? 'visible' : 'none')
  }
}

// Let a layer step back behind the features that are drawn above it.
export function fade(map, id) {
  for (const { id: part, source, type } of map.getStyle().layers) {
    if (source !== id) continue
    if (type === 'symbol') {
      map.setLayoutProperty(part, 'visibility', 'none')
      continue
    }
    const now = map.getPaintProperty(part, `${type}-opacity`)
    map.setPaintProperty(part, `${type}-opacity`, Math.min(FADED, typeof now === 'number' ? now : 1))
  }
}

// Draw GeoJSON (longitude, latitude) above everything under a name, and move the map to it; in a layer's colours.
export function showFeatures(map, data, name = 'features', fit = true, layer = null) {
  const shown = data ?? EMPTY
  if (map.getSource(name)) {
    map.getSource(name).setData(shown)
  } else {
    map.addSource(name, { type: 'geojson', data: shown })
    for (const item of featureLayers(map, name, layer?.id)) map.addLayer(item)
  }
  const box = extent(shown)
  if (box && fit) map.fitBounds(box, { padding: 40, maxZoom: 17, animate: false })
}

// Return west, south, east, north of GeoJSON, or null when it has no coordinates.
export function extent(data) {
  const box = [Infinity, Infinity, -Infinity, -Infinity]
  const walk = (coordinates) => {
    if (typeof coordinates[0] !== 'number') return coordinates.forEach(walk)
    const [x, y] = coordinates
    box[0] = Math.min(box[0], x)
    box[1] = Math.min(box[1], y)
    box[2] = Math.max(box[2], x)
    box[3] = Math.max(box[3], y)
  }
  const visit = (item) => {
    if (!item) return
    if (item.features) item.features.forEach(visit)
    else if (item.type === 'Feature') visit(item.geometry)
    else if (item.geometries) item.geometries.forEach(visit)
    else if (item.coordinates?.length) walk(item.coordinates)
  }
  visit(data)
  return box[0] <= box[2] ? box : null
}

// Return the box that holds all boxes given; those that are null are passed over.
export function around(boxes) {
  const given = boxes.filter(Boolean)
  if (!given.length) return null
  const side = (index, pick) => pick(...given.map((box) => box[index]))
  return [side(0, Math.min), side(1, Math.min), side(2, Math.max), side(3, Math.max)]
}
