// The state of the viewer in the address: #map=zoom/lat/lon&layers=a,b&time=2024-01-01&lang=zh. MapLibre keeps its part.

import { lang } from './dom.js'

export const place = 'map'

function parts() {
  return new Map(location.hash.slice(1).split('&').filter(Boolean).map((part) => {
    const [name, ...value] = part.split('=')
    return [name, value.join('=')]
  }))
}

export function read(name) {
  const value = parts().get(name)
  try {
    return value === undefined ? null : decodeURIComponent(value)
  } catch {
    return null
  }
}

// Write values into the address without a new entry of the history; null takes one out.
export function write(values) {
  const found = parts()
  for (const [name, value] of Object.entries(values)) {
    if (value === null) found.delete(name)
    else found.set(name, encodeURIComponent(value).replaceAll('%2C', ','))
  }
  const hash = [...found].map(([name, value]) => `${name}=${value}`).join('&')
  history.replaceState(history.state, '', `${location.pathname}${location.search}${hash ? `#${hash}` : ''}`)
}

// Go to the page in the language that the address names; return whether that is under way.
export function followLanguage() {
  const wanted = read('lang')
  if (!['zh', 'en'].includes(wanted) || wanted === lang) return false
  const address = new URL(location.href)
  address.searchParams.set('lang', wanted)
  location.replace(address)
  return true
}

// Let the link to the other language keep the state of the map.
export function keepOnSwitch(link) {
  link?.addEventListener('click', () => {
    const other = new URL(link.href).searchParams.get('lang')
    link.hash = location.hash.replace(/lang=(zh|en)/, `lang=${other}`)
  })
}
