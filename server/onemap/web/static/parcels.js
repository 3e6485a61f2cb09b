// The parcels of a process form: pasted text, a file, or a polygon drawn on the map, as a process input.

import { t } from './dom.js'

const MEDIA_TYPES = {
  txt: 'text/plain', zip: 'application/zip', gpkg: 'application/geopackage+sqlite3',
  geojson: 'application/geo+json', json: 'application/geo+json',
}

export function extension(name) {
  return name.split('.').pop().toLowerCase()
}

export function qualified(base64, mediaType) {
  return { value: base64, encoding: 'base64', mediaType }
}

function encode(bytes) {
  let text = ''
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768))
  return btoa(text)
}

// Return pasted text as an input: GeoJSON as it stands, coordinate TXT as a base64 value.
export function fromText(text) {
  const trimmed = text.trim()
  if (!trimmed) throw new Error(t('请先给出地块。', 'Give a parcel first.'))
  if (!trimmed.startsWith('{')) return qualified(encode(new TextEncoder().encode(trimmed)), MEDIA_TYPES.txt)
  try {
    return JSON.parse(trimmed)
  } catch (error) {
    throw new Error(`${t('文本不是完整的 JSON', 'The text is not complete JSON')}: ${error.message}`)
  }
}

export async function fromFile(file) {
  const mediaType = MEDIA_TYPES[extension(file.name)]
  if (!mediaType) throw new Error(t('不认识的文件类型；请用 .txt、.zip、.geojson 或 .gpkg。', 'Unknown kind of file; use .txt, .zip, .geojson or .gpkg.'))
  return fromAnyFile(file, mediaType)
}

export async function fromAnyFile(file, mediaType) {
  return qualified(encode(new Uint8Array(await file.arrayBuffer())), mediaType)
}

// The control: reads its parts; a file wins over the text until it is cleared.
export class Parcels {
  constructor(element) {
    this.area = element.querySelector('textarea')
    this.input = element.querySelector('input[type=file]')
    this.label = element.querySelector('[data-file]')
    this.input.addEventListener('change', () => this.#named())
    this.area.addEventListener('dragover', (event) => event.preventDefault())
    this.area.addEventListener('drop', (event) => this.#drop(event))
    this.area.addEventListener('input', () => this.#forget())
  }

  get file() {
    return this.input.files[0] ?? null
  }

  get text() {
    return this.area.value
  }

  set text(value) {
    this.area.value = value
    this.#forget()
  }

  read() {
    return this.file ? fromFile(this.file) : fromText(this.text)
  }

  #drop(event) {
    if (!event.dataTransfer.files.length) return
    event.preventDefault()
    this.input.files = event.dataTransfer.files
    this.#named()
  }

  #named() {
    this.area.value = ''
    this.label.textContent = this.file ? `${this.file.name} · ${Math.ceil(this.file.size / 1024)} kB` : ''
  }

  #forget() {
    this.input.value = ''
    this.label.textContent = ''
  }
}
