// What every page does: keep the chosen language, copy buttons, the filter form.

import { base, t } from './dom.js'

const YEAR = 31536000

// A language asked for in the address holds for the pages that follow.
function keepLanguage() {
  const asked = new URLSearchParams(location.search).get('lang')
  const path = new URL(base).pathname
  if (asked) document.cookie = `lang=${encodeURIComponent(asked)};path=${path};max-age=${YEAR};samesite=lax`
}

export async function copy(button, text) {
  const before = button.textContent
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    copyBySelection(text)
  }
  button.textContent = t('已复制', 'Copied')
  setTimeout(() => { button.textContent = before }, 1500)
}

// The clipboard interface needs https or localhost; departments' networks often have neither.
function copyBySelection(text) {
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'hidden'
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

function fillIn(form) {
  const given = new URLSearchParams(location.search)
  let some = false
  for (const control of form.elements) {
    if (!control.name || !given.has(control.name)) continue
    control.value = given.get(control.name)
    some ||= control.name !== 'limit'
  }
  form.closest('details').open = some
}

keepLanguage()

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy]')
  if (button) copy(button, button.dataset.copy)
})

for (const form of document.querySelectorAll('[data-filter]')) {
  fillIn(form)
  form.addEventListener('formdata', (event) => {
    for (const [name, value] of [...event.formData]) if (value === '') event.formData.delete(name)
  })
}
