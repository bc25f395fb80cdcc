'use strict'

const { closeSync, existsSync, openSync, readSync } = require('node:fs')
const { createRequire } = require('node:module')
const { join } = require('node:path')

const { explainLoadFailure, explainOldRuntime, explainOtherVersion } = require('./load-failure.js')
const { version } = require('../package.json')

/**
 * Returns whether the program of this process was built for musl: its first bytes name the loader that it asks for. What is
 * installed on the disk does not tell: a system may have both C libraries.
 */
function isMusl() {
  // It exists for glibc only, and would ask its user for the right to read its program.
  if (process.versions.deno !== undefined) return false
  const head = Buffer.alloc(4096)
  try {
    const file = openSync(process.execPath, 'r')
    readSync(file, head)
    closeSync(file)
  } catch {
    // A permission model may forbid it.
  }
  if (head.includes('/ld-linux')) return false
  return head.includes('/ld-musl-') || isMuslByReport()
}

/**
 * Returns whether this Node.js has no version of glibc to report. This is the slow way: until Node.js 20.19 and 22.12 a report asks
 * for the name of each connected host, which can take minutes (nodejs/node#55576).
 */
function isMuslByReport() {
  /** @type {{ excludeNetwork?: boolean, getReport(): any } | undefined} */
  const report = process.report
  if (report === undefined) return false
  const before = report.excludeNetwork
  report.excludeNetwork = true
  try {
    return report.getReport().header.glibcVersionRuntime === undefined
  } finally {
    report.excludeNetwork = before
  }
}

/** Returns the name of the running platform, as in the names of the native packages and files. */
function findTarget() {
  const { platform, arch } = process
  if (platform === 'win32') return `win32-${arch}-msvc`
  if (platform !== 'linux') return `${platform}-${arch}`
  return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}${arch === 'arm' ? 'eabihf' : ''}`
}

/**
 * Loads a binary that was built here; `undefined` if none was. A bundle has no `__dirname` if it is an ECMAScript module.
 *
 * @param {string} file
 */
function loadBuilt(file) {
  const path = typeof __dirname === 'string' ? join(__dirname, '..', file) : ''
  // Not a plain `require`: bundlers would report every target that was not built.
  return existsSync(path) ? createRequire(path)(path) : undefined
}

/**
 * Returns the function that loads the native package of a target. For webpack, "imports" of `package.json` names another file.
 *
 * @returns {typeof import('./natives.js')}
 */
function findNatives() {
  try {
    return require('#natives')
  } catch {
    // A tool that does not know "imports", such as Jest before 29.4. A plain `require` would show both files to webpack.
    return createRequire(__filename)('./natives.js')
  }
}

/**
 * @param {string} target
 * @returns {typeof import('../binding.js')}
 */
function load(target) {
  /** @param {unknown} [cause] */
  const explain = (cause) => explainLoadFailure(target, version, cause)
  let built
  try {
    built = loadBuilt(`flowkit-storage.${target}.node`)
  } catch (cause) {
    throw explain(cause)
  }
  return built ?? findNatives()(target, explain)
}

const target = findTarget()
// New in Node.js 20. An older one would load everything, and fail at some operation.
if (typeof ''.isWellFormed !== 'function') throw explainOldRuntime(target)
const binding = load(target)
// A binary of another version may lack a function, or take other arguments, which shows at some later operation.
if (binding.VERSION !== version) throw explainOtherVersion(target, version, binding.VERSION)

module.exports = binding
