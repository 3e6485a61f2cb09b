// The outputs of an answer that are files: links to save them.

import { el, t } from './dom.js'

const EXTENSIONS = {
  'application/pdf': 'pdf', 'application/geopackage+sqlite3': 'gpkg', 'application/zip': 'zip',
  'application/geo+json': 'geojson', 'image/tiff': 'tif', 'text/csv': 'csv',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
}

// Return the bytes of a qualified value in base64.
export function decoded({ value }) {
  return Uint8Array.from(atob(value), (character) => character.charCodeAt(0))
}

const isFile = (item) => item?.encoding === 'base64' && typeof item.value === 'string'

// Return an element with a link to each file of an answer, empty when it has none.
export function files(answer, process) {
  const found = answer !== null && typeof answer === 'object' ? Object.entries(answer).filter(([, item]) => isFile(item)) : []
  if (!found.length) return ''
  const line = ([name, item]) => {
    const type = item.mediaType ?? 'application/octet-stream'
    const href = URL.createObjectURL(new Blob([decoded(item)], { type }))
    return el('li', {}, el('a', { href, download: `${process}-${name}.${EXTENSIONS[type] ?? 'bin'}` }, name), ' ', el('code', {}, type))
  }
  return el('div', { class: 'part' }, el('h3', {}, t('文件', 'Files')), el('ul', { class: 'files' }, found.map(line)))
}
