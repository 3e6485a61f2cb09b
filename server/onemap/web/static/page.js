// What every page does: keep the chosen language, copy buttons, the form of the features, menus.

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

// Leave out what asks for nothing, so that addresses stay short; the server would do the same.
function tidy({ formData }) {
  for (const [name, value] of [...formData]) if (value === '' && !name.startsWith('where.')) formData.delete(name)
  for (const name of new Set([...formData.keys()].filter((key) => /^where\..*\.op$/.test(key)))) {
    const stem = name.slice(0, -'op'.length)
    const given = formData.get(`${stem}value`) || formData.get(`${stem}upto`) || ['null', 'some'].includes(formData.get(name))
    for (const part of ['value', 'upto']) if (!given || !formData.get(stem + part)) formData.delete(stem + part)
    if (!given) formData.delete(name)
  }
  chosenColumns(formData)
}

function chosenColumns(formData) {
  const all = document.querySelectorAll('[name=properties]').length
  const chosen = formData.getAll('properties')
  if (!chosen.length) return
  formData.delete('properties')
  if (chosen.length < all) formData.set('properties', chosen.join(','))
}

// Menus close on a click elsewhere and on Escape.
function closeMenus(event) {
  for (const menu of document.querySelectorAll('[data-menu][open]')) {
    if (event.type === 'click' && menu.contains(event.target)) continue
    if (event.type === 'keydown' && event.key !== 'Escape') continue
    menu.open = false
    if (event.type === 'keydown') menu.querySelector('summary').focus()
  }
}

keepLanguage()

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy]')
  if (button) copy(button, button.dataset.copy)
})

document.addEventListener('click', closeMenus)
document.addEventListener('keydown', closeMenus)

for (const form of document.querySelectorAll('[data-query]')) form.addEventListener('formdata', tidy)
for (const control of document.querySelectorAll('[data-submit]')) control.addEventListener('change', () => control.form.requestSubmit())
