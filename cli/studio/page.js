'use strict'

const { createHash } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

/** The programs of the page, in the order in which they run. They share one scope. */
const PROGRAMS = ['elements.js', 'conversation.js', 'list.js', 'main.js']

/** @typedef {{ html: string, policy: string }} Page */

/**
 * Returns the page, with its style and its programs inside, and the policy that allows these and nothing else. So nothing is
 * fetched from outside, and no text of a conversation can become a program.
 *
 * @returns {Page}
 */
function readPage() {
  const style = read('style.css')
  const program = `'use strict'\n{\n${PROGRAMS.map(read).join('\n')}\n}`
  // Functions as replacements: a string may hold patterns such as `$&`.
  const html = read('index.html')
    .replace('/* style */', () => style)
    .replace('/* program */', () => program)
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(program)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // Browsers that know it refuse `innerHTML` and its kind altogether.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  return { html, policy }
}

/**
 * Returns a file of the page. A clone on Windows may end lines with CR LF. A browser hashes them as LF.
 *
 * @param {string} name
 */
function read(name) {
  return readFileSync(join(__dirname, 'page', name), 'utf8').replaceAll('\r\n', '\n')
}

/** @param {string} text */
function hash(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

module.exports = { readPage }
