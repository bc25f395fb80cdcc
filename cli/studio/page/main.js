/** How often the open conversation and the list are looked at, in ms. */
const FOLLOW_MS = 2_000
const RELIST_MS = 5_000
/** A large store is looked at less often: for this part of the time at most. */
const SHARE = 1 / 20

/** The keys that move within the list, and by how many lines. */
const MOVES = new Map([
  ['ArrowDown', 1],
  ['ArrowUp', -1],
  ['PageDown', 10],
  ['PageUp', -10],
  ['Home', Number.NEGATIVE_INFINITY],
  ['End', Number.POSITIVE_INFINITY],
])

/**
 * Does something, and shows why it failed.
 *
 * @param {() => Promise<unknown>} work
 */
async function attempt(work) {
  try {
    await work()
    showProblem(undefined)
  } catch (error) {
    showProblem(error)
  }
}

/**
 * Does something again and again while the page is seen.
 *
 * @param {() => Promise<unknown>} work
 * @param {number} pause in ms
 * @param {number} [next] the pause before the next time
 */
function repeat(work, pause, next = pause) {
  setTimeout(async () => {
    const since = performance.now()
    if (!document.hidden) await attempt(work)
    repeat(work, pause, Math.max(pause, (performance.now() - since) / SHARE))
  }, next)
}

/** Gives the key in the address for a cookie, and takes it out of the address. */
async function exchange() {
  const key = /^#([0-9a-f]{32})$/.exec(location.hash)?.[1]
  if (key === undefined) {
    if (location.pathname === '/') throw new Error(NO_KEY)
    return
  }
  const response = await fetch('/session', { headers: { Authorization: `Bearer ${key}` } })
  if (!response.ok) throw new Error(NO_KEY)
  const { base } = await response.json()
  history.replaceState(null, '', base)
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return
  const { target, key } = event
  const search = find('search')
  if (key === '/' && target !== search) {
    event.preventDefault()
    closeConversationIfNarrow()
    search.focus()
    search.select()
  } else if (target === search && key === 'Escape') {
    find('ids').focus()
  } else if (target === find('ids') || (target === search && key.startsWith('Arrow'))) {
    const lines = key.startsWith('Arrow') || target !== search ? MOVES.get(key) : undefined
    if (lines === undefined) return
    event.preventDefault()
    find('ids').focus()
    void attempt(() => move(lines))
  }
}

function closeConversationIfNarrow() {
  find('main').classList.remove('is-open')
}

function start() {
  const search = find('search')
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing
  search.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => {
      Object.assign(listed, { prefix: search.value, most: 200 })
      void attempt(refreshList)
    }, 150)
  })
  find('more').addEventListener('click', () => {
    listed.most += MORE_IDS
    void attempt(refreshList)
  })
  find('earlier').addEventListener('click', () => {
    opened.entries = Math.min(opened.entries + MORE_ENTRIES, MOST_ENTRIES)
    opened.etag = ''
    void attempt(refreshConversation)
  })
  find('back').addEventListener('click', () => {
    closeConversationIfNarrow()
    find('ids').focus()
  })
  addEventListener('keydown', onKey)
  // The address that the terminal shows, pasted where the page is open already.
  addEventListener('hashchange', () => void attempt(begin))
  void attempt(begin)
}

let isFollowing = false

async function begin() {
  await exchange()
  if (!isFollowing) {
    isFollowing = true
    repeat(followConversation, FOLLOW_MS)
    repeat(refreshList, RELIST_MS)
  }
  await refreshList()
}

start()
