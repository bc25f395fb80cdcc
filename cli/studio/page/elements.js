/**
 * Returns the element with this id.
 *
 * @param {string} id
 * @returns {any}
 */
const find = (id) => document.getElementById(id)

/**
 * Makes an element. Everything that was stored by strangers goes through `textContent`, which makes no markup of it.
 *
 * @param {string} name
 * @param {{ text?: string, className?: string, children?: Node[] }} [content]
 */
function make(name, { text, className, children = [] } = {}) {
  const element = document.createElement(name)
  if (text !== undefined) element.textContent = text
  if (className !== undefined) element.className = className
  element.append(...children)
  return element
}

/**
 * Returns an id or a name in one line, with each character that is not seen, or that turns the direction of reading, as `\uXXXX`.
 *
 * @param {string} text
 */
function visible(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (unit) => `\\u${(unit.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
}

/** @param {number} bytes */
function sizeInWords(bytes) {
  if (bytes < 1_000) return `${bytes} bytes`
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

/**
 * Returns a time as the reader's own language has it.
 *
 * @param {number} time ms since 1970
 */
function timeInWords(time) {
  const date = new Date(time)
  return Number.isNaN(date.getTime())
    ? String(time)
    : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}

/** @param {number} time ms since 1970, past or to come */
function distanceInWords(time) {
  const seconds = Math.round((time - Date.now()) / 1_000)
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' })
  const units = /** @type {const} */ ([
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ])
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return words.format(Math.round(seconds / length), unit)
  }
  return words.format(seconds, 'second')
}

/**
 * Puts words where a screen reader says them when they change, and only then.
 *
 * @param {string} place the element's id
 * @param {string} words
 */
function say(place, words) {
  const element = find(place)
  if (element.textContent !== words) element.textContent = words
}

/** @param {number} count */
const number = (count) => count.toLocaleString()

/**
 * Asks the server. Rejects with what is to be shown.
 *
 * @param {string} path below the page's own
 * @param {Record<string, string>} [parameters]
 * @param {AbortSignal} [signal]
 */
async function ask(path, parameters = {}, signal) {
  let response
  try {
    response = await fetch(`${path}?${new URLSearchParams(parameters)}`, { signal: signal ?? null })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Error('The viewer has ended. Start it again in the terminal, and open the address that it prints.')
  }
  if (response.status === 401 || response.status === 404) throw new Error(NO_KEY)
  const reply = await response.json()
  if (!response.ok) throw new Error(reply.error)
  return reply
}

const NO_KEY =
  'Open the address that the terminal shows, with everything behind the #. It holds the key to the conversations.'

/** @param {unknown} error `undefined` if all is well */
function showProblem(error) {
  const problem = find('problem')
  problem.hidden = error === undefined
  problem.textContent = error === undefined ? '' : visible(String(/** @type {any} */ (error)?.message ?? error))
}
