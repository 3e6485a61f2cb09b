// The result of a process, for reading: verdict, layers, classes, areas; the JSON itself folded below.

import { base, el, fixed, percent, t, table } from './dom.js'

const STATUS = {
  'not-involved': ['不涉及', 'not involved'],
  'involved-allowed': ['涉及，允许', 'involved, allowed'],
  'involved-conditional': ['涉及，有条件', 'involved, conditional'],
  'involved-prohibited': ['涉及，禁止', 'involved, prohibited'],
  'no-coverage': ['数据未覆盖', 'no coverage'],
  'not-relevant': ['不适用', 'not relevant'],
  timeout: ['超时', 'timeout'],
  error: ['出错', 'error'],
}
const GROUPS = { agricultural: ['农用地', 'agricultural'], construction: ['建设用地', 'construction'], unused: ['未利用地', 'unused'] }
const MU = 2000 / 3

const named = (names, key) => (names[key] ? t(...names[key]) : String(key))
const badge = (status) => el('span', { class: `badge status-${status}` }, named(STATUS, status))
const head = (text) => ({ text })
const count = (text) => ({ text, number: true })
const AREAS = () => [count('m²'), count(t('公顷', 'ha')), count(t('亩', 'mu'))]

// Return an area in square metres, hectares and mu as three cells; the rounded values of the server are kept.
function areas({ area, areaRounded, hectares, mu }) {
  return [fixed(areaRounded ?? area, 2), fixed(hectares ?? area / 10000, 4), fixed(mu ?? area / MU, 2)]
}

function section(title, ...content) {
  return el('div', { class: 'part' }, el('h3', {}, title), ...content)
}

function summary({ verdict, parcels, areaDefinition, rules }, evidence) {
  const [m2, ha, mu] = parcels?.area === undefined ? [] : areas(parcels)
  return el('div', { class: 'summary' },
    verdict && el('p', { class: 'verdict' }, badge(verdict)),
    parcels && el('p', {}, `${parcels.count} ${t('个地块', parcels.count === 1 ? 'parcel' : 'parcels')}`),
    m2 && el('p', {}, el('strong', {}, `${m2} m²`), ` = ${ha} ${t('公顷', 'ha')} = ${mu} ${t('亩', 'mu')}`),
    areaDefinition && el('p', { class: 'note' }, `${t('面积定义', 'Area definition')}: ${areaDefinition.split('/').pop()}`),
    rules && el('p', { class: 'note' }, `${t('规则', 'Rules')}: ${rules.catalogue} ${rules.version} (${rules.effective})`),
    evidence && el('p', {}, el('a', { href: evidence, rel: 'describedby', 'data-evidence': true }, t('存证', 'Evidence'))))
}

function warnings(list) {
  if (!list?.length) return null
  return el('ul', { class: 'warnings' }, list.map(({ message, parcel }) => el('li', {}, parcel ? `${parcel}: ${message}` : message)))
}

function hit(collection) {
  return ({ id, name, area, share, significant }) => [
    el('a', { href: `${base}/collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}` }, String(id)),
    name, ...areas({ area }), percent(share), significant === false ? t('细碎', 'sliver') : '',
  ]
}

function hits(layer) {
  if (!layer.hits?.length) return null
  const heads = [head(t('要素', 'Feature')), head(t('名称', 'Name')), ...AREAS(), count(t('占比', 'Share')), head('')]
  return el('details', {}, el('summary', {}, counted(layer)),
    table(heads, layer.hits.map(hit(layer.collection))),
    layer.basis?.length ? el('ul', { class: 'basis' }, layer.basis.map(({ title, text }) => el('li', {}, el('strong', {}, title), ` ${text}`))) : null)
}

function counted({ title, count: all, hits: listed }) {
  const rest = all > listed.length ? t(`，列出最大的 ${listed.length} 处`, `, the largest ${listed.length} listed`) : ''
  return `${title}: ${all} ${t('处', all === 1 ? 'hit' : 'hits')}${rest}`
}

function layers({ layers: list }) {
  if (!list) return null
  const heads = [head(t('图层', 'Layer')), head(t('结论', 'Status')), ...AREAS(), count(t('占比', 'Share')), count(t('覆盖', 'Coverage')), count(t('最近距离', 'Nearest'))]
  const row = (layer) => [
    el('span', {}, el('strong', {}, layer.title ?? layer.collection), ' ', el('code', {}, layer.collection)), badge(layer.status),
    ...(layer.area ? areas(layer) : ['—', '—', '—']), layer.area ? percent(layer.share) : '—',
    typeof layer.coverage === 'number' ? percent(layer.coverage) : t('未声明', 'not declared'),
    typeof layer.distance === 'number' ? `${fixed(layer.distance, 1)} m` : '—',
  ]
  return section(t('各图层', 'Layers'), table(heads, list.map(row)), list.map(hits))
}

const OWNERS = { state: ['国有', 'state'], collective: ['集体', 'collective'] }
const classHeads = () => [head(t('编码', 'Code')), head(t('地类', 'Class')), head(t('三大类', 'Group')), head(t('权属', 'Ownership')), ...AREAS()]
const classRow = (item) => [el('code', {}, item.code), item.name, item.group ? named(GROUPS, item.group) : null, item.ownership ? named(OWNERS, item.ownership) : null, ...areas(item)]

function classes(found) {
  if (!found.classes) return null
  const outside = typeof found.remainder === 'number' ? { area: found.remainder } : found.remainder
  return section(t('土地利用现状', 'Land use'), groups(found.groups),
    table(classHeads(), found.classes.map(classRow)),
    outside?.area > 0.005 ? el('p', { class: 'note' }, `${t('不在任何地类图斑内', 'Inside no land-use feature')}: ${areas(outside)[0]} m²`) : null,
    (found.regions ?? []).map(region))
}

function groups(found) {
  if (!found) return null
  const rows = Object.entries(found).map(([name, item]) => [named(GROUPS, name), ...areas(typeof item === 'number' ? { area: item } : item)])
  return table([head(t('三大类', 'Group')), ...AREAS()], rows, { class: 'narrow' })
}

function region(item) {
  return el('details', {},
    el('summary', {}, `${item.name ?? ''} ${item.code} · ${areas(item)[0]} m²`),
    item.classes?.length ? table(classHeads(), item.classes.map(classRow)) : null)
}

function parcelAreas({ areas: list, parcels }) {
  if (!list) return null
  const name = (item) => parcels?.items?.[item.index]?.name ?? item.id
  const heads = [count('#'), head(t('地块', 'Parcel')), ...AREAS()]
  return section(t('面积', 'Areas'), table(heads, list.map((item) => [String(item.index + 1), name(item), ...areas(item)])))
}

function features({ features: collection }) {
  if (!collection?.features) return null
  const names = [...new Set(collection.features.flatMap((item) => Object.keys(item.properties ?? {})))].slice(0, 8)
  const cell = (value) => (value === null || value === undefined || value === '' ? null : typeof value === 'object' ? JSON.stringify(value) : String(value))
  const rows = collection.features.map((item, place) => [String(item.id ?? place + 1), ...names.map((name) => cell(item.properties?.[name]))])
  return section(t('地块', 'Parcels'), table([head(t('标识', 'Id')), ...names.map(head)], rows))
}

function sources({ data }) {
  if (!data?.length) return null
  const heads = [head(t('数据', 'Data')), head(t('现势性', 'Currency')), count(t('覆盖', 'Coverage')), head(t('版本', 'Version'))]
  const link = (id) => el('a', { href: `${base}/collections/${encodeURIComponent(id)}` }, id)
  return section(t('所用数据', 'Data used'), table(heads, data.map((item) => [
    link(item.collection), item.date, typeof item.coverage === 'number' ? percent(item.coverage) : null,
    el('code', {}, String(item.version ?? '—').slice(0, 24)),
  ])))
}

function raw(found, name, open) {
  const text = JSON.stringify(found, null, 2)
  const href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  return el('details', { class: 'raw', open }, el('summary', {}, 'JSON'),
    el('p', {}, el('a', { class: 'button', href, download: `${name}.json` }, t('下载', 'Download'))),
    el('pre', { tabindex: '0' }, text))
}

// Why the conclusion of a review is what it is, and what it could not ask.
function reasons({ conclusion, skipped }) {
  const said = [...(conclusion?.reasons ?? []).map(({ message }) => message), ...(skipped ?? []).map(({ title, status }) => `${title}: ${named(STATUS, status)}`)]
  return said.length ? section(t('理由', 'Reasons'), el('ul', {}, [...new Set(said)].map((text) => el('li', {}, text)))) : null
}

const plain = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)
const single = (value) => plain(value) && plain(value.process) && 'parcels' in value

// Return the results of other processes that a result holds, one alone or several by process id.
function inner(found) {
  const held = (value) => (plain(value) && Object.values(value).every(single) ? Object.values(value) : [])
  return Object.values(found).flatMap((value) => (single(value) ? [value] : held(value)))
}

// Show the results of other processes as they are shown alone, each folded under its title.
function nested(found, titles) {
  const results = inner(found)
  if (!results.length) return null
  return section(t('各项分析', 'Analyses'), results.map((item) => el('details', { class: 'nested', 'data-nested': item.process.id },
    el('summary', {}, el('strong', {}, titles[item.process.id] ?? String(item.process.id)), ' ', item.verdict && badge(item.verdict)),
    summary(item), warnings(item.warnings), partsOf(item, titles))))
}

function partsOf(found, titles) {
  const parts = [reasons, layers, classes, parcelAreas, features].map((part) => part(found))
  return [...parts, nested(found, titles), sources(found)].filter(Boolean)
}

// Show a result in the element. ``evidence``: the address of its evidence, where it has any.
export function show(element, found, name, evidence = null) {
  const known = plain(found) ? found : {}
  const parts = partsOf(known, JSON.parse(element.dataset.titles ?? '{}'))
  element.replaceChildren(
    el('h2', {}, t('结果', 'Result')), summary(known, evidence), warnings(known.warnings) ?? '',
    ...parts, raw(found, name, !parts.length))
  element.hidden = false
}
