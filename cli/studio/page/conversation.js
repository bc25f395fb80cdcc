const MORE_ENTRIES = 400
const MOST_ENTRIES = 2_000
/** The facts that are times, in ms since 1970. */
const TIMES = new Set(['created', 'updated'])

/** The conversation that is open, as it was last shown. */
const opened = { id: '', etag: '', entries: 100, view: /** @type {any} */ (undefined) }

/**
 * Opens a conversation.
 *
 * @param {string} id
 */
async function openConversation(id) {
  Object.assign(opened, { id, etag: '', entries: 100, view: undefined })
  find('main').classList.add('is-open')
  find('empty').hidden = true
  find('open').hidden = false
  find('id').textContent = visible(id)
  find('conversation').setAttribute('aria-label', `Conversation ${visible(id)}`)
  for (const part of ['facts', 'history', 'slots']) find(part).replaceChildren()
  for (const part of ['corrupt', 'earlier']) find(part).hidden = true
  find('raw-box').open = false
  find('live').textContent = 'Loading …'
  await refreshConversation()
}

/** Shows the open conversation as it is now stored. */
async function refreshConversation() {
  const { id, etag, entries } = opened
  const view = await ask('conversation', { id, etag, entries: String(entries) })
  // Meanwhile another one, or more of this one, may have been asked for.
  if (id !== opened.id || entries !== opened.entries) return
  if (!view.isThere) {
    opened.etag = ''
    find('live').textContent = 'Nothing is stored under this id any more. What is below was.'
    return
  }
  showAges(view)
  if (view.isUnchanged) return
  const isFirst = opened.view === undefined
  const added = isFirst ? 0 : view.history.total - opened.view.history.total
  say('news', added > 0 ? `New messages: ${number(added)}` : '')
  Object.assign(opened, { etag: view.etag, view })
  showView(view, isFirst)
}

async function followConversation() {
  if (opened.view !== undefined) await refreshConversation()
}

/** @param {any} view */
function showAges({ updatedAt, expiresAt }) {
  const parts = ['Follows what is stored.']
  if (updatedAt !== null) parts.push(`Saved ${distanceInWords(updatedAt)}.`)
  if (expiresAt !== null) parts.push(`Expires ${distanceInWords(expiresAt)}.`)
  find('live').textContent = parts.join(' ')
  find('live').title = updatedAt === null ? '' : timeInWords(updatedAt)
}

/**
 * @param {any} view
 * @param {boolean} isFirst
 */
function showView(view, isFirst) {
  const article = find('conversation')
  const isAtEnd = article.scrollTop + article.clientHeight >= article.scrollHeight - 40
  const top = article.scrollTop
  find('corrupt').hidden = view.problem === undefined
  find('corrupt').textContent =
    view.problem === undefined ? '' : `This is no conversation state: ${visible(view.problem)}`
  showFacts(view)
  showHistory(view.history)
  showSlots(view.slots)
  showRaw(view)
  // Whoever reads further up stays there when a message comes.
  article.scrollTop = !isFirst && isAtEnd ? article.scrollHeight : isFirst ? 0 : top
}

/** @param {any} view */
function showFacts({ facts, size }) {
  const rows = facts.map((/** @type {any} */ { name, value }) => [name, factInWords(name, value)])
  rows.push(['size', sizeInWords(size)])
  const elements = rows.map((/** @type {[string, string]} */ [name, value]) =>
    make('div', { children: [make('dt', { text: name }), make('dd', { children: [make('bdi', { text: value })] })] }),
  )
  find('facts').replaceChildren(...elements)
}

/**
 * @param {string} name
 * @param {string} value
 */
function factInWords(name, value) {
  return TIMES.has(name) && /^\d{1,16}$/.test(value) ? timeInWords(Number(value)) : visible(value)
}

/** @param {any} history */
function showHistory({ total, first, entries }) {
  const earlier = find('earlier')
  earlier.hidden = first === 0
  const isMore = opened.entries < MOST_ENTRIES
  earlier.disabled = !isMore
  earlier.textContent = isMore
    ? `Show earlier messages (${number(first)})`
    : `${number(first)} earlier messages are in the stored text`
  find('history-title').textContent = `History (${number(total)})`
  find('history').replaceChildren(...entries.map(bubble))
}

/** @param {any} entry */
function bubble({ role, content }) {
  const text = make('p', { text: content.text })
  text.dir = 'auto'
  const known = role === 'user' || role === 'assistant'
  const item = make('li', { className: known ? role : 'other' })
  item.append(make('small', { text: visible(role === '' ? 'other' : role) }), text)
  if (content.length > content.text.length) item.append(make('small', { text: cutInWords(content) }))
  return item
}

/** @param {{ text: string, length: number }} cut */
function cutInWords({ text, length }) {
  return `… ${number(length - text.length)} more characters are in the stored text.`
}

/** @param {any} slots */
function showSlots({ total, rows }) {
  find('slots').replaceChildren(...rows.map(slotRow))
  find('slots-title').textContent = `Slots (${number(total)})`
  find('slots-note').textContent =
    total > rows.length ? `${number(total - rows.length)} more are in the stored text.` : ''
}

/** @param {any} row */
function slotRow({ name, type, value }) {
  const shown = make('bdi', { text: value.text })
  shown.dir = 'auto'
  const last = make('td', { children: [shown] })
  if (value.length > value.text.length) last.append(make('small', { text: ` ${cutInWords(value)}` }))
  const head = make('th', { text: visible(name.text) + (name.length > name.text.length ? '…' : '') })
  head.setAttribute('scope', 'row')
  // Names that begin so belong to FlowKit itself.
  return make('tr', {
    className: name.text.startsWith('_') ? 'own' : '',
    children: [head, make('td', { text: type }), last],
  })
}

/** @param {any} view */
function showRaw({ raw, size }) {
  find('raw').textContent = raw.text
  find('raw-note').textContent =
    raw.length > raw.text.length ? `The first ${number(raw.text.length)} characters of ${sizeInWords(size)}.` : ''
  find('raw-link').href = `text?${new URLSearchParams({ id: opened.id })}`
}
