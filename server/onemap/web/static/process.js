// The page of a process: its form becomes an execution request, the answer is shown below.

import { ground, piecesOf, shapesOf, showAnswer, showShapes } from './answer.js'
import { base, described, el, json, lang, t } from './dom.js'
import { draw } from './draw.js'
import { copy } from './page.js'
import { fromAnyFile, Parcels } from './parcels.js'
import { dismiss, showProgress, watch } from './watch.js'
import { showFeatures } from './view.js'

const form = document.querySelector('[data-process]')
const message = form.querySelector('[data-message]')
const result = document.querySelector('[data-result]')
const field = form.querySelector('[data-kind=parcels]')
const parcels = field && new Parcels(field)
const progress = form.querySelector('[data-job]')

const READERS = {
  parcels: () => parcels.read(),
  choices: (element) => [...element.querySelectorAll(':checked')].map((box) => box.value),
  boolean: (element) => element.checked,
  number: (element) => (element.value === '' ? undefined : Number(element.value)),
  integer: (element) => (element.value === '' ? undefined : Number(element.value)),
  string: (element) => element.value || undefined,
  list: (element) => element.value.split(/[,，\s]+/).filter(Boolean),
  numbers: (element) => element.value.split(/[,，\s]+/).filter(Boolean).map(Number),
  mixed: (element) => (element.value.trim() ? either(element.value.trim()) : undefined),
  file: (element) => { const [file] = element.querySelector('input').files; return file && fromAnyFile(file, element.dataset.type) },
  bbox: (element) => box(element),
  json: (element) => (element.value.trim() ? JSON.parse(element.value) : undefined),
}

// Return a number where the text is one, else the text.
function either(text) {
  return Number.isFinite(Number(text)) ? Number(text) : text
}

// Return a bounding box, nothing when no side is given. Throws when only some are.
function box(element) {
  const sides = [...element.querySelectorAll('[data-side]')].map((input) => input.value)
  if (sides.every((side) => side === '')) return undefined
  if (sides.some((side) => side === '')) throw new Error(t('请给出全部四个边。', 'Give all four sides.'))
  const crs = element.querySelector('[data-crs]').value
  return { bbox: sides.map(Number), ...(crs ? { crs } : {}) }
}

// Return the outputs asked for; none chosen means those that the process gives by default.
function outputs() {
  const chosen = [...form.querySelectorAll('[data-outputs] :checked[type=checkbox]')].map((item) => item.value)
  const format = (name) => form.querySelector(`[data-format="${name}"]`)?.value
  const wanted = chosen.map((name) => [name, format(name) ? { format: { mediaType: format(name) } } : {}])
  return chosen.length ? { outputs: Object.fromEntries(wanted) } : {}
}

// Return the inputs of the form by name; what is not given is left out. Throws an error that names the input.
async function inputs() {
  const given = {}
  for (const element of form.querySelectorAll('[data-input]')) {
    const name = element.dataset.input
    try {
      const value = await READERS[element.dataset.kind](element)
      if (value !== undefined && !(Array.isArray(value) && !value.length)) given[name] = value
    } catch (error) {
      throw new Error(`${name}: ${error.message}`)
    }
  }
  return given
}

function request(body, more = {}) {
  const headers = { 'Content-Type': 'application/json', 'Accept-Language': lang, ...more }
  return { method: 'POST', headers, body: JSON.stringify(body) }
}

function fail(error) {
  const problem = error.problem
  message.className = 'message error'
  message.replaceChildren(
    el('strong', {}, problem ? `${problem.status} ${problem.title}` : t('请求没有发出', 'Not sent')),
    el('span', {}, ` ${error.message}`),
    problem?.hint ? el('span', {}, ` ${problem.hint}`) : '',
    problem?.pointer ? el('code', {}, ` ${problem.pointer}`) : '',
    problem?.requestId ? el('span', { class: 'quiet' }, ` ${problem.code ?? ''} · ${problem.requestId}`) : '')
}

async function run(map) {
  message.className = 'message'
  message.textContent = t('正在计算…', 'Computing…')
  const button = form.querySelector('[data-run]')
  button.disabled = true
  try {
    const given = await inputs()
    const began = performance.now()
    const body = { inputs: given, ...outputs(), response: 'document' }
    const done = form.querySelector('[data-async]')?.checked ? await background(body) : await described(form.dataset.execution, request(body))
    message.textContent = done ? `${t('用时', 'Took')} ${Math.round(performance.now() - began)} ms` : t('已停止', 'Dismissed')
    if (done) await showDone(done, given, map)
  } catch (error) {
    fail(error)
  } finally {
    button.disabled = false
  }
}

// Run as a job: show how far it is, then return its results and its address; null when it was dismissed.
async function background(body) {
  const job = await json(form.dataset.execution, request(body, { Prefer: 'respond-async' }))
  const address = `${base}/jobs/${job.jobID}`
  message.textContent = ''
  progress.hidden = false
  progress.querySelector('[data-page]').href = address
  const stop = progress.querySelector('[data-dismiss]')
  stop.disabled = false
  stop.onclick = () => { stop.disabled = true; dismiss(address).catch(fail) }
  const final = await watch(address, (now) => showProgress(progress, now))
  stop.disabled = true
  return final.status === 'dismissed' ? null : { ...await described(`${address}/results?f=json`), address }
}

async function showDone({ body: answer, evidence, address }, given, map) {
  showAnswer(result, answer, form.dataset.process, evidence)
  result.scrollIntoView({ block: 'start' })
  if (map) showShapes(map, await drawn(address) ?? { parcels: await shapes(answer, given), pieces: piecesOf(answer) })
}

// Return the shapes that were kept of a job; null where there are none.
async function drawn(address) {
  return address ? json(`${address}/drawing`).then(shapesOf, () => null) : null
}

// Return the parcels in longitude and latitude, as the server reads them.
async function shapes(answer, given) {
  if (answer?.result?.features) return answer.result.features
  const read = { parcels: given.parcels, ...(given.crs ? { crs: given.crs } : {}) }
  const parsed = await json(form.dataset.parse, request({ inputs: read, response: 'document' }))
  return parsed.result.features
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`

// Return the request as a curl command; a file is encoded by the command itself.
async function curl() {
  const given = await inputs()
  const file = parcels?.file
  if (file) given.parcels.value = '@FILE@'
  let body = quoted(JSON.stringify({ inputs: given, ...outputs() }))
  if (file) body = body.replace('@FILE@', `'"$(base64 -w0 ${quoted(file.name)})"'`)
  const command = `curl -X POST ${quoted(form.dataset.execution)} -H 'Content-Type: application/json' -d `
  return file ? `printf '%s' ${body} | ${command}@-` : command + body
}

function enableDrawing(map) {
  const button = field.querySelector('[data-draw]')
  let stop = null
  const done = (made) => {
    stop = null
    button.setAttribute('aria-pressed', 'false')
    if (!made) return
    parcels.text = JSON.stringify(made)
    showFeatures(map, made, 'parcels', false)
  }
  button.addEventListener('click', () => {
    if (stop) return stop()
    button.setAttribute('aria-pressed', 'true')
    stop = draw(map, done)
  })
}

async function start() {
  const container = document.querySelector('.map.parcel')
  let map = null
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    run(map)
  })
  form.querySelector('[data-curl]').addEventListener('click', async (event) => {
    const button = event.currentTarget
    await curl().then((command) => copy(button, command)).catch(fail)
  })
  field?.querySelector('[data-clear]').addEventListener('click', () => {
    parcels.text = ''
    result.hidden = true
    message.textContent = ''
    if (map) showFeatures(map, null, 'parcels')
  })
  if (container) map = await ground(container)
  if (map && field) enableDrawing(map)
}

start()
