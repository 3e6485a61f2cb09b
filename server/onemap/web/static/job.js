// The page of a job: progress while it runs, then its results.

import { base, json } from './dom.js'
import { show } from './result.js'
import { dismiss, showProgress, watch } from './watch.js'

const element = document.querySelector('[data-job-page]')
const address = element.dataset.jobPage
const result = document.querySelector('[data-result]')

async function showResult() {
  const output = document.querySelector('[data-output]')
  if (!output || !result) return
  show(result, await json(output.href), element.dataset.process)
}

element.querySelector('[data-dismiss]').addEventListener('click', async () => {
  await dismiss(address)
  if (element.dataset.running) location.reload()
  else location.assign(`${base}/jobs`)
})

if (element.dataset.running) watch(address, (job) => showProgress(element, job)).then(() => location.reload(), () => location.reload())
else showResult()
