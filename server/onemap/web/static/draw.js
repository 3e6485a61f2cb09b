// Draw one polygon on a map: a click for each corner, double click or Enter to end, Escape to give up.

import { showFeatures } from './view.js'

const NAME = 'drawing'

function feature(type, coordinates) {
  return { type: 'Feature', properties: {}, geometry: { type, coordinates } }
}

function sketch(corners) {
  if (corners.length < 2) return corners.length ? feature('Point', corners[0]) : null
  return corners.length < 3 ? feature('LineString', corners) : polygon(corners)
}

export function polygon(corners) {
  const ring = corners.map(([x, y]) => [Number(x.toFixed(7)), Number(y.toFixed(7))])
  return feature('Polygon', [[...ring, ring[0]]])
}

// Begin to draw; ``done`` gets the polygon, or null when it was given up. Return a function that ends it.
export function draw(map, done) {
  let corners = []
  const canvas = map.getCanvas()
  const show = (extra = []) => showFeatures(map, sketch([...corners, ...extra]), NAME, false)

  const add = (event) => {
    corners.push(event.lngLat.toArray())
    show()
  }
  const move = (event) => corners.length && show([event.lngLat.toArray()])
  const end = (made) => {
    for (const subscription of subscriptions) subscription.unsubscribe()
    removeEventListener('keydown', key)
    map.doubleClickZoom.enable()
    delete canvas.dataset.busy
    canvas.style.cursor = ''
    corners = []
    show()
    done(made)
  }
  const finish = (event) => {
    event.preventDefault()
    const distinct = corners.filter((corner, place) => place === 0 || corner.some((value, axis) => value !== corners[place - 1][axis]))
    if (distinct.length >= 3) end(polygon(distinct))
  }
  const key = (event) => {
    if (event.key === 'Escape') end(null)
    if (event.key === 'Enter' && event.target === canvas) finish(event)
  }

  const subscriptions = [map.on('click', add), map.on('mousemove', move), map.on('dblclick', finish)]
  addEventListener('keydown', key)
  map.doubleClickZoom.disable()
  canvas.dataset.busy = 'true'
  canvas.style.cursor = 'crosshair'
  canvas.focus()
  return () => end(null)
}
