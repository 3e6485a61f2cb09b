// Time: a slider that shows what holds on a day, for layers whose features carry dates.
//
// With two temporal fields a feature holds from the first to the second; with one, from then on.

import { el, t } from './dom.js'
import { layersOf } from './layers.js'
import { read, write } from './permalink.js'

const DAY = 86_400_000
const iso = (day) => new Date(day * DAY).toISOString().slice(0, 10)
const dayOf = (text) => Math.round(Date.parse(text) / DAY)

// Return the condition for the features of a layer on a day; dates are compared as texts, years as numbers.
function holds({ fields, type }, text) {
  const day = type === 'integer' ? Number(text.slice(0, 4)) : type === 'datetime' ? `${text}T23:59:59Z` : text
  const since = ['any', ['!', ['has', fields[0]]], ['<=', ['get', fields[0]], day]]
  if (fields.length === 1) return since
  const until = type === 'datetime' ? `${text}T00:00:00Z` : day
  return ['all', since, ['any', ['!', ['has', fields[1]]], ['>=', ['get', fields[1]], until]]]
}

function filters(map, layers) {
  const own = new Map(layers.flatMap((layer) => layersOf(map, layer.id).map((part) => [part.id, part.filter ?? null])))
  return (text) => {
    for (const layer of layers) {
      for (const { id } of layersOf(map, layer.id)) {
        const before = own.get(id)
        const now = text && holds(layer.time, text)
        map.setFilter(id, before && now ? ['all', before, now] : now || before)
      }
    }
  }
}

// Show the slider in the element where some layer has dates; without a day chosen all features are shown.
export function showTime(map, layers, element) {
  const timed = layers.filter((layer) => layer.time)
  if (!timed.length) return
  const first = Math.min(...timed.map((layer) => dayOf(layer.time.interval[0])))
  const last = Math.max(...timed.map((layer) => dayOf(layer.time.interval[1])))
  const apply = filters(map, timed)
  const asked = /^\d{4}-\d\d-\d\d$/.test(read('time') ?? '') ? dayOf(read('time')) : null
  const box = el('input', { type: 'checkbox', id: 'time-on', checked: asked !== null })
  const day = el('input', { type: 'date', 'aria-label': t('日期', 'Date'), min: iso(first), max: iso(last) })
  const slider = el('input', { type: 'range', 'aria-label': t('时间轴', 'Time'), min: first, max: last, value: asked ?? Math.min(last, dayOf(new Date().toISOString())) })
  const show = () => {
    const text = iso(Number(slider.value))
    day.value = text
    slider.setAttribute('aria-valuetext', text)
    day.disabled = slider.disabled = !box.checked
    apply(box.checked ? text : null)
    write({ time: box.checked ? text : null })
  }
  box.addEventListener('change', show)
  slider.addEventListener('input', show)
  day.addEventListener('change', () => {
    if (!day.value) return
    slider.value = dayOf(day.value)
    show()
  })
  element.append(el('label', { for: 'time-on' }, box, t('按时间显示', 'By time')), slider, day)
  element.hidden = false
  show()
}
