// Fonts for maps: the glyphs of a TrueType font as signed distance fields, 256 code points to a compressed file, in the
// protocol buffers that MapLibre reads. Usage: node glyphs.mjs MODULES FONT.ttf FOLDER NAME
//
// A field is drawn at 24 pixels to the em, with 3 pixels around each glyph; 192 is the outline, a pixel is 32 steps.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'

const EM = 24
const BUFFER = 3
const STEPS = 32
const OUTLINE = 192
const BASELINE = 27 // from the line that "top" counts from to the baseline, as MapLibre's own glyphs have it
const CURVE = 4

const [modules, file, folder, name] = process.argv.slice(2)
const opentype = createRequire(resolve(modules, 'x'))('opentype.js')

// Return the outline as a flat list of segments x0, y0, x1, y1, y upwards; curves become short lines.
function segments(path) {
  const found = []
  let [x, y, startX, startY] = [0, 0, 0, 0]
  const to = (nextX, nextY) => {
    if (nextX !== x || nextY !== y) found.push(x, y, nextX, nextY)
    x = nextX
    y = nextY
  }
  const curve = (at) => {
    const from = [x, y]
    for (let step = 1; step <= CURVE; step++) to(...at(step / CURVE, ...from))
  }
  for (const part of path.commands) {
    if (part.type === 'M') {
      to(startX, startY)
      x = startX = part.x
      y = startY = -part.y
    } else if (part.type === 'L') {
      to(part.x, -part.y)
    } else if (part.type === 'Q') {
      curve((t, x0, y0) => [quadratic(t, x0, part.x1, part.x), quadratic(t, y0, -part.y1, -part.y)])
    } else if (part.type === 'C') {
      curve((t, x0, y0) => [cubic(t, x0, part.x1, part.x2, part.x), cubic(t, y0, -part.y1, -part.y2, -part.y)])
    } else {
      to(startX, startY)
    }
  }
  to(startX, startY)
  return Float64Array.from(found)
}

function quadratic(t, a, b, c) {
  return (1 - t) * (1 - t) * a + 2 * t * (1 - t) * b + t * t * c
}

function cubic(t, a, b, c, d) {
  return (1 - t) * quadratic(t, a, b, c) + t * quadratic(t, b, c, d)
}

// Return the distance of a point from the outline, negative outside (by the winding number).
function distance(lines, lengths, x, y) {
  let least = Infinity
  let winding = 0
  for (let at = 0, line = 0; at < lines.length; at += 4, line++) {
    const x0 = lines[at], y0 = lines[at + 1], dx = lines[at + 2] - x0, dy = lines[at + 3] - y0
    const px = x - x0, py = y - y0
    let along = (px * dx + py * dy) / lengths[line]
    along = along < 0 ? 0 : along > 1 ? 1 : along
    const ex = px - along * dx, ey = py - along * dy
    const square = ex * ex + ey * ey
    if (square < least) least = square
    if (py >= 0 ? py < dy : py >= dy) {
      const cross = dx * py - dy * px
      if (py >= 0 ? cross > 0 : cross < 0) winding += py >= 0 ? 1 : -1
    }
  }
  return winding ? Math.sqrt(least) : -Math.sqrt(least)
}

function glyph(font, code) {
  const found = font.charToGlyph(String.fromCodePoint(code))
  if (found.index === 0) return null
  const advance = Math.round((found.advanceWidth * EM) / font.unitsPerEm)
  const lines = segments(found.getPath(0, 0, EM))
  if (!lines.length) return { code, advance, width: 0, height: 0, left: 0, top: -BASELINE, bitmap: Buffer.alloc(0) }
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let at = 0; at < lines.length; at += 2) {
    left = Math.min(left, lines[at])
    right = Math.max(right, lines[at])
    bottom = Math.min(bottom, lines[at + 1])
    top = Math.max(top, lines[at + 1])
  }
  left = Math.floor(left)
  top = Math.ceil(top)
  const width = Math.ceil(right) - left, height = top - Math.floor(bottom)
  return { code, advance, width, height, left, top: top - BASELINE, bitmap: field(lines, left, top, width, height) }
}

function field(lines, left, top, width, height) {
  const across = width + 2 * BUFFER, down = height + 2 * BUFFER
  const bitmap = Buffer.alloc(across * down)
  const lengths = Float64Array.from({ length: lines.length / 4 }, (_, at) => {
    return (lines[at * 4 + 2] - lines[at * 4]) ** 2 + (lines[at * 4 + 3] - lines[at * 4 + 1]) ** 2
  })
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const inside = distance(lines, lengths, left - BUFFER + column + 0.5, top + BUFFER - row - 0.5)
      bitmap[row * across + column] = Math.max(0, Math.min(255, Math.round(OUTLINE + inside * STEPS)))
    }
  }
  return bitmap
}

function varint(value) {
  const bytes = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}

const zigzag = (value) => (value << 1) ^ (value >> 31)
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)])
const bytes = (field, value) => Buffer.concat([varint((field << 3) | 2), varint(value.length), value])

function message(item) {
  return Buffer.concat([
    number(1, item.code), ...(item.bitmap.length ? [bytes(2, item.bitmap)] : []),
    number(3, item.width), number(4, item.height), number(5, zigzag(item.left)), number(6, zigzag(item.top)), number(7, item.advance),
  ])
}

const font = opentype.parse(new Uint8Array(readFileSync(file)).buffer)
const target = resolve(folder, name)
mkdirSync(target, { recursive: true })
let count = 0
for (let first = 0; first < 65536; first += 256) {
  const range = `${first}-${first + 255}`
  const surrogates = first >= 0xd800 && first < 0xe000
  const glyphs = surrogates ? [] : Array.from({ length: 256 }, (_, at) => glyph(font, first + at)).filter(Boolean)
  if (!glyphs.length) continue
  count += glyphs.length
  const stack = Buffer.concat([bytes(1, Buffer.from(name)), bytes(2, Buffer.from(range)), ...glyphs.map((item) => bytes(3, message(item)))])
  writeFileSync(resolve(target, `${range}.pbf.gz`), gzipSync(bytes(1, stack), { level: 9 }))
}
console.log(`${name}: ${count} glyphs`)
