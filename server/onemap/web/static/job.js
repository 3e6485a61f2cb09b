// The page of a job: progress while it runs, then its result and its shapes on a map, without a reload.

import { ground, shapesOf, showAnswer, showShapes } from './answer.js'
import { base, json } from './dom.js'
import { dismiss, showProgress, watch } from './watch.js'

const job = () => document.querySelector('[data-job-page]')

// Return the outputs that are JSON, by id.
async function outputs() {
  const links = [...document.querySelectorAll('[data-output]')]
  const values = await Promise.all(links.map((link) => json(link.href)))
  return Object.fromEntries(links.map((link, at) => [link.dataset.output, values[at]]))
}

async function showResult() {
  const result = document.querySelector('[data-result]')
  if (!result) return
  const found = await outputs()
  if (Object.keys(found).length) showAnswer(result, found, job().dataset.process, result.dataset.evidence)
}

async function showMap() {
  const container = document.querySelector('.map.parcel')
  if (!container) return
  const [map, drawing] = await Promise.all([ground(container), json(container.dataset.features)])
  if (map) showShapes(map, shapesOf(drawing))
}

// Put what the server says of the job now in the place of what it said before.
async function renew() {
  const answer = await fetch(`${job().dataset.jobPage}?f=html`)
  if (!answer.ok) return location.reload()
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  document.querySelector('main').replaceChildren(...page.querySelector('main').childNodes)
  document.title = page.title
  start()
}

function start() {
  const element = job()
  const { jobPage: address, running } = element.dataset
  const stop = element.querySelector('[data-dismiss]')
  stop.disabled = false
  stop.addEventListener('click', async () => {
    stop.disabled = true
    await dismiss(address)
    if (!running) location.assign(`${base}/jobs`)
  })
  if (running) watch(address, (now) => showProgress(element, now)).then(renew, renew)
  else for (const shown of [showResult(), showMap()]) shown.catch((error) => { element.querySelector('[data-says]').textContent = error.message })
}

start()
