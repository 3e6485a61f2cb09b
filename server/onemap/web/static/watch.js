// A job as it goes on: server-sent events, and where they do not come, a look at its status every now and then.

import { json, t } from './dom.js'

const FINAL = ['successful', 'failed', 'dismissed']
const LOOK = 1500
const WORDS = {
  accepted: ['等待中', 'Waiting'], running: ['执行中', 'Running'], successful: ['成功', 'Successful'],
  failed: ['失败', 'Failed'], dismissed: ['已停止', 'Dismissed'],
}

export const ended = (status) => FINAL.includes(status)

// Call ``told`` with the status of the job at an address whenever it changes; resolve with the final one.
export function watch(address, told) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`${address}/events`)
    const take = (job) => {
      told(job)
      if (!ended(job.status)) return
      source.close()
      resolve(job)
    }
    source.addEventListener('status', (event) => take(JSON.parse(event.data)))
    // The stream ends now and then, and the browser opens it again; where that is refused, it gives up.
    source.addEventListener('error', () => source.readyState === EventSource.CLOSED && poll(address, take, reject))
  })
}

async function poll(address, take, reject) {
  try {
    const job = await json(address)
    take(job)
    if (!ended(job.status)) setTimeout(() => poll(address, take, reject), LOOK)
  } catch (error) {
    reject(error)
  }
}

// Show how far a job is in an element with a progress bar and a place for words.
export function showProgress(element, job) {
  const bar = element.querySelector('progress')
  if (bar) {
    if (job.status === 'accepted') bar.removeAttribute('value')
    else bar.value = job.progress
  }
  element.querySelector('[data-says]').textContent = `${t(...WORDS[job.status])} · ${job.progress} % ${job.message ?? ''}`
}

export function dismiss(address) {
  return json(address, { method: 'DELETE' })
}
