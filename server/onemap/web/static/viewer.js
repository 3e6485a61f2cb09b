// The viewer: layers by the four classes of the catalogue with their legends, time, and a permanent link.

import { json, lang } from './dom.js'
import { followLanguage, keepOnSwitch, read, write } from './permalink.js'
import { showTime } from './time.js'
import { tree } from './tree.js'
import { toggle, visible } from './view.js'

// Return the layers that the address names; without a word of it those that the style shows.
function shownAtFirst(usual, known) {
  const asked = read('layers')
  return new Set(asked === null ? usual : asked.split(',').filter((id) => known.has(id)))
}

function linkButton(button) {
  button?.addEventListener('click', () => { button.dataset.copy = location.href })
}

// Show the panel of the viewer; ``settings``: layers, classes of the catalogue and the address of the legend.
export async function view(map, settings, panel) {
  if (followLanguage()) return
  const { layers } = settings
  const usual = new Set(layers.map((layer) => layer.id).filter((id) => visible(map, id)))
  const shown = shownAtFirst(usual, new Set(layers.map((layer) => layer.id)))
  const state = () => {
    const same = layers.every((layer) => shown.has(layer.id) === usual.has(layer.id))
    write({ layers: same ? null : [...shown].join(','), lang })
  }
  const change = (layer, visible) => {
    if (visible) shown.add(layer.id)
    else shown.delete(layer.id)
    toggle(map, layer.id, visible)
    state()
  }
  for (const layer of layers) if (shown.has(layer.id) !== usual.has(layer.id)) toggle(map, layer.id, shown.has(layer.id))
  const legend = await json(settings.legend).catch(() => ({ layers: [] }))
  tree(map, settings, { element: panel.querySelector('[data-layers]'), legend, shown, change })
  showTime(map, layers, document.querySelector('[data-time]'))
  keepOnSwitch(document.querySelector('a.language'))
  linkButton(panel.querySelector('[data-copy]'))
  state()
  addEventListener('hashchange', () => { if (!followLanguage()) location.reload() })
}

