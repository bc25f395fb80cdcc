'use strict'

const { createRequire } = require('node:module')

const NAME = '@andresaya/flowkit-storage'

const TARGETS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
]

/** Maps what systems say of a binary that is there to what helps. @type {[RegExp, string][]} */
const ADVICE = [
  [/GLIBC_/, 'It was built for a newer system: the prebuilt binaries need glibc 2.17 or newer.'],
  [
    /ld-linux|ld-musl|libc\.musl|libc\.so:|symbol not found/,
    'It was built for another C library: install again on the system that runs the program.',
  ],
  [/failed to map segment|Operation not permitted/, 'Its directory must not be mounted with noexec.'],
  [/Permission denied|Access is denied/i, 'Let the user of this process read it.'],
]
const DAMAGED = 'It is damaged, or was made for another system: remove node_modules, and install again.'

const NOT_PREBUILT =
  `there is no prebuilt binary for it, only for ${TARGETS.join(', ')}. ` +
  'The section "On another system" of CONTRIBUTING.md in this package tells how to build one.'

/**
 * Returns whether the native package of a target is installed where this package finds it.
 *
 * @param {string} target
 */
function isInstalled(target) {
  try {
    // Not a plain `require`: bundlers would look for the packages of all targets.
    createRequire(__filename).resolve(`${NAME}-${target}`)
    return true
  } catch {
    return false
  }
}

/**
 * Returns the options of npm that install for a target, on whatever system.
 *
 * @param {string} target
 */
function describePlatform(target) {
  const [os, cpu, abi = ''] = target.split('-')
  const libc = { gnu: ' --libc=glibc', musl: ' --libc=musl' }[abi] ?? ''
  return `--os=${os} --cpu=${cpu}${libc}`
}

/**
 * @param {string} target
 * @param {string} version
 */
function explainMissing(target, version) {
  if (!TARGETS.includes(target)) return NOT_PREBUILT
  const missing = `its package ${NAME}-${target} is not installed`
  const others = TARGETS.filter(isInstalled)
  if (others.length > 0) {
    return (
      `${missing}, but that of ${others.join(', ')} is. Instead of copying node_modules, install again on the system that runs ` +
      `the program, or for it: "npm install ${describePlatform(target)}".`
    )
  }
  return (
    `${missing}. Either optional packages were left out (--omit=optional), or a lock file names only those of another ` +
    'system, as npm before 11.3 writes it. Remove node_modules and package-lock.json, and install again; or run ' +
    `"npm install --save-optional ${NAME}-${target}@${version}".`
  )
}

/**
 * @param {string} target
 * @param {string} version
 * @param {any} cause
 */
function explain(target, version, cause) {
  if (cause === undefined) return NOT_PREBUILT
  const words = String(cause?.message ?? cause)
    .trim()
    .replace(/\.$/, '')
  switch (cause?.code) {
    case 'MODULE_NOT_FOUND':
    case 'ERR_MODULE_NOT_FOUND':
      if (!words.includes('valid "main" entry')) return explainMissing(target, version)
      return `its package ${NAME}-${target} is installed, but the binary in it is missing: install again, and copy files of the kind *.node too.`
    case 'ERR_DLOPEN_DISABLED':
      return 'this process may not load addons. It runs with --no-addons, or with --permission and without --allow-addons.'
    case 'ERR_UNKNOWN_BUILTIN_MODULE':
      return 'the require function of a single executable application finds built-in modules only. Begin its script with: require = require("node:module").createRequire(__filename)'
    case 'ERR_ACCESS_DENIED':
      return `this process may not read its binary (${words}). Beside --permission it needs --allow-addons, and --allow-fs-read for node_modules.`
  }
  if (cause?.name === 'NotCapable') {
    return `this process may not load its binary (${words}). Deno needs --allow-ffi and --allow-read for it.`
  }
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(words)) ?? [undefined, DAMAGED]
  return `its binary is installed, but cannot be loaded (${words}). ${advice}`
}

/** @param {string} target */
const subject = (target) => `Cannot load ${NAME} on ${target}`

/**
 * Returns the error for a binary that did not load. Each cause has a sentence of its own, since each has another cure.
 *
 * @param {string} target
 * @param {string} version
 * @param {unknown} [cause] `undefined` if there is no binary for this target
 */
function explainLoadFailure(target, version, cause) {
  const message = `${subject(target)}: ${explain(target, version, cause)}`
  return new Error(message, cause === undefined ? undefined : { cause })
}

/**
 * Returns the error for a binary of another version.
 *
 * @param {string} target
 * @param {string} version
 * @param {string | undefined} found
 */
function explainOtherVersion(target, version, found) {
  const itsVersion = found === undefined ? 'another version' : `version ${found}`
  return new Error(
    `${subject(target)}: its binary has ${itsVersion}, but its JavaScript has ${version}. Remove node_modules and ` +
      'install again, so that both come from one version. In a clone, "npm run build" makes a new binary.',
  )
}

/** @param {string} target */
function explainOldRuntime(target) {
  return new Error(`${subject(target)}: it needs Node.js 20 or newer, and this is ${process.version}.`)
}

exports.describePlatform = describePlatform
exports.explainLoadFailure = explainLoadFailure
exports.explainOldRuntime = explainOldRuntime
exports.explainOtherVersion = explainOtherVersion
