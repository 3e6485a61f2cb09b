// The tree of layers: class of the catalogue, group, layer with its legend.

import { el, t } from './dom.js'

function zoomButton(map, layer) {
  const title = t('缩放到图层', 'Zoom to the layer')
  const button = el('button', { type: 'button', class: 'zoom', title, 'aria-label': `${title}: ${layer.title}` })
  button.addEventListener('click', () => layer.bounds && map.fitBounds(layer.bounds, { padding: 40, animate: false }))
  return button
}

function symbol(item) {
  return el('img', { class: 'symbol', src: item.image, alt: '', width: 30, height: 18 })
}

// A legend of the codes that are in view: a list of land classes is long, a map shows a few of them.
function coded(map, layer, entry) {
  const items = new Map(entry.items.map((item) => [item.code ?? item.title,
    el('li', {}, symbol(item), el('span', {}, item.code ? el('code', {}, item.code) : null, ` ${item.title}`))]))
  const nothing = el('li', { class: 'quiet', hidden: true }, t('此处没有要素。', 'No features here.'))
  const details = el('details', {}, el('summary', {}, t('图例', 'Legend')), el('ul', { class: 'codes' }, [...items.values()], nothing))
  const refresh = () => {
    if (!details.open || !entry.property || map.getZoom() < 5) return
    const found = map.querySourceFeatures(layer.id, { sourceLayer: layer.id })
    const seen = new Set(found.map((feature) => String(feature.properties[entry.property])))
    for (const [code, item] of items) item.hidden = !seen.has(code)
    nothing.hidden = [...items.values()].some((item) => !item.hidden)
  }
  details.addEventListener('toggle', refresh)
  map.on('idle', refresh)
  return details
}

function row(map, layer, legend, { shown, change }) {
  const entries = legend.layers.filter((entry) => entry.collection === layer.id && entry.items.length)
  const items = entries.flatMap((entry) => entry.items)
  const box = el('input', { type: 'checkbox', checked: shown.has(layer.id), 'data-layer': layer.id })
  box.addEventListener('change', () => change(layer, box.checked))
  const single = items.length === 1 ? symbol(items[0]) : null
  const several = items.length > 1 ? coded(map, layer, { property: entries.find((entry) => entry.property)?.property, items }) : null
  const clock = layer.time ? el('span', { class: 'timed', title: t('随时间显示', 'Shown by time'), 'aria-hidden': 'true' }) : null
  return el('li', {}, el('label', {}, box, single, el('span', {}, layer.title), clock), zoomButton(map, layer), several)
}

// A box that stands for all layers of a class: on, off, or some.
function classBox(section, title) {
  const all = el('input', { type: 'checkbox', 'aria-label': `${t('全部', 'All')}: ${title}` })
  const boxes = () => [...section.querySelectorAll('[data-layer]')]
  const refresh = () => {
    const on = boxes().filter((box) => box.checked).length
    all.checked = on === boxes().length
    all.indeterminate = on > 0 && !all.checked
  }
  all.addEventListener('change', () => {
    for (const box of boxes().filter((item) => item.checked !== all.checked)) {
      box.checked = all.checked
      box.dispatchEvent(new Event('change'))
    }
  })
  section.addEventListener('change', refresh)
  return { all, refresh }
}

function section(map, kind, layers, options) {
  const groups = [...new Set(layers.map((layer) => layer.group))]
  const lists = groups.map((group) => {
    const listed = layers.filter((layer) => layer.group === group)
    const list = el('ul', { class: 'layer-list', 'aria-label': group || kind.title }, listed.map((layer) => row(map, layer, options.legend, options)))
    return [group ? el('h3', { 'aria-hidden': 'true' }, group) : null, list]
  })
  const head = el('div', { class: 'head' }, el('h2', {}, kind.title))
  const made = el('section', { class: 'kind' }, head, lists.flat())
  const { all, refresh } = classBox(made, kind.title)
  head.prepend(all)
  refresh()
  return made
}

// Fill the element with the layers of ``settings``, in the order of the catalogue's classes.
export function tree(map, settings, options) {
  for (const kind of settings.kinds) {
    const layers = settings.layers.filter((layer) => layer.kind === kind.id)
    if (layers.length) options.element.append(section(map, kind, layers, options))
  }
}
