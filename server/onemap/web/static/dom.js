// What all pages' scripts share: the language, elements, numbers, requests.

export const lang = document.documentElement.lang.startsWith('zh') ? 'zh' : 'en'
export const base = document.documentElement.dataset.base

export function t(zh, en) {
  return lang === 'zh' ? zh : en
}

// Return an element; attributes that are null or false are left out, strings become text.
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    made.setAttribute(name, value === true ? '' : value)
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return made
}

export function table(heads, rows, attributes = {}) {
  const cells = (row, tag) => row.map((cell, index) => {
    const right = heads[index].number ? 'number' : null
    return el(tag, { class: right, scope: tag === 'th' ? 'col' : null }, cell ?? '—')
  })
  return el('div', { class: 'scroll' }, el('table', attributes,
    el('thead', {}, el('tr', {}, cells(heads.map((head) => head.text), 'th'))),
    el('tbody', {}, rows.map((row) => el('tr', {}, cells(row, 'td'))))))
}

// Return a number with a fixed count of decimals; a thousands separator makes long areas readable.
export function fixed(value, decimals) {
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return new Intl.NumberFormat('en-US', options).format(value)
}

export function percent(share) {
  if (share > 0 && share < 0.0001) return '< 0.01%'
  return `${fixed(share * 100, 2)}%`
}

// Return the JSON document at an address; throws the problem document of an answer that is not a success.
export async function json(address, options = {}) {
  return (await described(address, options)).body
}

// Return the JSON document at an address, and the address of its evidence where the answer names one.
export async function described(address, options = {}) {
  const answer = await fetch(address, { ...options, headers: { Accept: 'application/json', ...options.headers } })
  const body = await answer.json().catch(() => ({ status: answer.status, title: answer.statusText }))
  if (!answer.ok) throw Object.assign(new Error(body.detail || body.title), { problem: body })
  const [, evidence = null] = answer.headers.get('Link')?.match(/<([^>]*)>;\s*rel="?describedby"?/) ?? []
  return { body, evidence }
}
