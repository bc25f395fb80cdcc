const MORE_IDS = 400

/** The conversations that are listed. */
const listed = {
  prefix: '',
  most: 200,
  found: /** @type {any[]} */ ([]),
  /** What stands for each, by its id. */
  options: /** @type {Map<string, HTMLElement>} */ (new Map()),
  controller: new AbortController(),
}

/** Lists the conversations as they are now stored. */
async function refreshList() {
  // The reply to a search that is over would come too late.
  listed.controller.abort()
  listed.controller = new AbortController()
  const { signal } = listed.controller
  const { prefix, most } = listed
  try {
    const reply = await ask('list', { prefix, most: String(most) }, signal)
    showList(reply)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** @param {any} reply */
function showList({ store, found, seen, isWhole }) {
  find('store').textContent = visible(store)
  document.title = `Conversations in ${visible(store)}`
  listed.found = found
  const before = listed.options
  listed.options = new Map(found.map((/** @type {any} */ { id }) => [id, before.get(id) ?? option(id)]))
  const options = [...listed.options.values()]
  found.forEach(
    (/** @type {any} */ conversation, /** @type {number} */ at) => void showDetails(options[at], conversation, at),
  )
  const ids = find('ids')
  const isSame = options.length === ids.children.length && options.every((element, at) => element === ids.children[at])
  // A mouse or a screen reader may be on one: what is there stays as it is.
  if (!isSame) {
    const top = ids.scrollTop
    ids.replaceChildren(...options)
    ids.scrollTop = top
  }
  choose(opened.id)
  say('count', countInWords(found.length, seen, isWhole))
  find('more').hidden = found.length < listed.most || found.length === seen
}

/**
 * @param {number} shown
 * @param {number} seen
 * @param {boolean} isWhole
 */
function countInWords(shown, seen, isWhole) {
  if (seen === 0) return listed.prefix === '' ? 'Nothing is stored here.' : 'No id begins so.'
  if (!isWhole) return `The newest ${number(shown)} of the first ${number(seen)}. There are more: search.`
  if (shown < seen) return `The newest ${number(shown)} of ${number(seen)}`
  return seen === 1 ? '1 conversation' : `${number(seen)} conversations`
}

/** @param {string} id */
function option(id) {
  const element = make('div', { children: [make('bdi', { text: visible(id) }), make('small')] })
  element.title = visible(id)
  element.setAttribute('role', 'option')
  element.setAttribute('aria-selected', 'false')
  element.addEventListener('click', () => void attempt(() => openListed(id)))
  return element
}

/**
 * @param {any} element
 * @param {any} conversation
 * @param {number} index
 */
function showDetails(element, { size, updatedAt, expiresAt }, index) {
  const parts = [sizeInWords(size), updatedAt === null ? 'age not known' : distanceInWords(updatedAt)]
  if (expiresAt !== null) parts.push(`expires ${distanceInWords(expiresAt)}`)
  element.id = `option-${index}`
  element.lastChild.textContent = parts.join(' · ')
}

/**
 * Marks the conversation in the list, if it is there.
 *
 * @param {string} id
 */
function choose(id) {
  const ids = find('ids')
  ids.querySelector('[aria-selected="true"]')?.setAttribute('aria-selected', 'false')
  const index = listed.found.findIndex((conversation) => conversation.id === id)
  ids.removeAttribute('aria-activedescendant')
  if (index === -1) return
  ids.setAttribute('aria-activedescendant', `option-${index}`)
  find(`option-${index}`).setAttribute('aria-selected', 'true')
}

/** @param {string} id */
async function openListed(id) {
  const opening = openConversation(id)
  choose(id)
  await opening
}

/**
 * Opens the conversation that is so many lines further down.
 *
 * @param {number} lines
 */
async function move(lines) {
  const { found } = listed
  if (found.length === 0) return
  const at = found.findIndex((conversation) => conversation.id === opened.id)
  // Without one, it begins above the first or below the last.
  const from = at === -1 && lines < 0 ? found.length : at
  const index = Math.min(Math.max(from + lines, 0), found.length - 1)
  find(`option-${index}`).scrollIntoView({ block: 'nearest' })
  if (index !== at) await openListed(found[index].id)
}
