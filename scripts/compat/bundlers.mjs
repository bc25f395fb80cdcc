// The bundlers: each bundles a program plainly, then with the line that the page recommends, and what comes out is run.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { NEXT } from './next.mjs'
import { describePlain } from './outcome.mjs'
import { runQuietly, runToEnd } from './processes.mjs'
import { programOf, versionOf } from './tools.mjs'
import { OURS } from './workshop.mjs'

/** @import { Result, Row } from './outcome.mjs' */
/** @import { Workshop } from './workshop.mjs' */

/**
 * One way to bundle. A bundle that stands alone is run in another directory, without any modules.
 *
 * @typedef {{ text: string, args: string[], alone?: boolean }} Way
 * @typedef {{ name: string, title: string, packages: string[], says?: string, plain: Way, cures: Way[],
 *   command(workshop: Workshop, modules: string): Promise<string[]> }} Bundler
 */

const plain = (...args) => ({ text: '', args })
/** A way with members that are added to the configuration. */
const withMembers = (bundler, text, alone = false) => ({ text, args: [bundler, text], alone })
const byScript = async (workshop) => [workshop.node, 'build.mjs']

const EXTERNAL = `external: ['${OURS}']`
const EXTERNALS = `externals: { '${OURS}': 'commonjs ${OURS}' }`
const NODE_LOADER = "module: { rules: [{ test: /\\.node$/, loader: 'node-loader' }] }"
const BUILT_IN = `ssr: { noExternal: true }`
const FILE_REQUIRE = `banner: { js: 'require = require("node:module").createRequire(__filename)' }`

/** @type {Bundler[]} */
const BUNDLERS = [
  {
    name: 'esbuild',
    title: 'esbuild',
    packages: ['esbuild'],
    says: 'No loader is configured for ".node" files',
    command: async (workshop, modules) => [
      workshop.node,
      programOf(modules, 'esbuild', 'esbuild'),
      'bot.mjs',
      '--bundle',
      '--platform=node',
      '--outfile=out/bot.cjs',
      '--log-level=warning',
    ],
    plain: plain(),
    cures: [
      { text: `--external:${OURS}`, args: [`--external:${OURS}`] },
      { text: '--loader:.node=copy', args: ['--loader:.node=copy'], alone: true },
    ],
  },
  {
    name: 'webpack',
    title: 'webpack',
    packages: ['webpack', 'node-loader'],
    says: 'Module parse failed: Unexpected character',
    command: byScript,
    plain: plain('webpack'),
    cures: [withMembers('webpack', EXTERNALS), withMembers('webpack', NODE_LOADER, true)],
  },
  {
    name: 'rspack',
    title: 'Rspack',
    packages: ['@rspack/core', 'node-loader'],
    says: 'JavaScript parse error: Invalid character at start of identifier',
    command: byScript,
    plain: plain('rspack'),
    cures: [withMembers('rspack', EXTERNALS), withMembers('rspack', NODE_LOADER, true)],
  },
  {
    name: 'rollup',
    title: 'Rollup, with its plugins node-resolve, commonjs and json',
    packages: ['rollup', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs', '@rollup/plugin-json'],
    says: 'Note that you need plugins to import files that are not JavaScript',
    command: byScript,
    plain: plain('rollup'),
    cures: [withMembers('rollup', EXTERNAL)],
  },
  {
    name: 'rolldown',
    title: 'Rolldown',
    packages: ['rolldown'],
    says: '[UNLOADABLE_DEPENDENCY] Could not load',
    command: byScript,
    plain: plain('rolldown'),
    cures: [withMembers('rolldown', EXTERNAL)],
  },
  {
    name: 'vite',
    title: 'Vite, SSR',
    packages: ['vite'],
    command: byScript,
    plain: plain('vite'),
    cures: [],
  },
  {
    name: 'vite-bundled',
    title: `Vite, SSR, with \`${BUILT_IN}\``,
    packages: ['vite'],
    says: '[UNLOADABLE_DEPENDENCY] Could not load',
    command: byScript,
    plain: plain('vite', BUILT_IN),
    cures: [withMembers('vite', `ssr: { noExternal: true, ${EXTERNAL} }`)],
  },
  {
    name: 'sea',
    title: "Single executable application of Node.js, by esbuild with `loader: { '.node': 'copy' }`",
    packages: ['esbuild', 'postject'],
    says: 'the require function of a single executable application finds built-in modules only',
    command: byScript,
    plain: plain('sea'),
    cures: [withMembers('sea', FILE_REQUIRE, true)],
  },
  {
    name: 'nitro',
    title: 'Nitro, and so Nuxt',
    packages: ['nitropack'],
    command: byScript,
    plain: { text: '', args: ['nitro'], alone: true },
    cures: [],
  },
  {
    name: 'nft',
    title: '@vercel/nft, which Vercel, Netlify and others use',
    packages: ['@vercel/nft'],
    command: byScript,
    plain: { text: '', args: ['nft'], alone: true },
    cures: [],
  },
  {
    name: 'ncc',
    title: 'ncc',
    packages: ['@vercel/ncc'],
    command: async (workshop, modules) => [
      workshop.node,
      programOf(modules, '@vercel/ncc', 'ncc'),
      'build',
      'bot.mjs',
      '-o',
      'out',
    ],
    plain: { text: '', args: [], alone: true },
    cures: [],
  },
  {
    name: 'bun-build',
    title: 'bun build',
    packages: [],
    command: async (workshop) => [await workshop.bunOf(), 'build', 'bot.mjs', '--target=bun', '--outdir=out'],
    plain: { text: '', args: [], alone: true },
    cures: [],
  },
  {
    name: 'bun-compile',
    title: 'bun build --compile',
    packages: [],
    command: async (workshop) => [await workshop.bunOf(), 'build', 'bot.mjs', '--compile', '--outfile=out/bot'],
    plain: { text: '', args: [], alone: true },
    cures: [],
  },
]

/** @type {{ name: string, head: string[], rows: Row[] }} */
export const BUNDLING = {
  name: 'bundlers',
  head: ['as it is', 'with'],
  rows: [...BUNDLERS.map((bundler) => ({ ...bundler, run: (workshop) => test(workshop, bundler) })), ...NEXT],
}

/**
 * @param {Workshop} workshop
 * @param {Bundler} bundler
 * @returns {Promise<Result>}
 */
async function test(workshop, bundler) {
  const project = workshop.makeProject('bundler')
  await workshop.install(project, ...bundler.packages)
  const modules = join(project, 'node_modules')
  const command = await bundler.command(workshop, modules)
  const [first] = bundler.packages
  const version = first ? versionOf(modules, first) : (await runQuietly(command[0], ['--version'])).output.trim()
  const byDefault = await bundle(workshop, project, command, bundler.plain)
  const problems = []
  for (const way of bundler.cures) {
    const { message, warnings } = await bundle(workshop, project, command, way)
    if (message !== undefined) problems.push(`with ${way.text}: ${message}`)
    if (warnings > 0) problems.push(`with ${way.text}: ${warnings} warnings`)
  }
  const plainly = describePlain(byDefault.message, bundler.says, bundler.plain.alone, problems)
  const cured = bundler.cures.map(({ text, alone }) => `\`${text}\`${alone ? ' (stands alone)' : ''}`)
  if (byDefault.warnings > 0) problems.push(`as it is: ${byDefault.warnings} warnings`)
  return { version, problems, cells: [plainly, cured.join(' or ')] }
}

/** Returns the message of the first step that fails; none if the bundle keeps what it is given. */
async function bundle(workshop, project, [program, ...args], way) {
  const out = join(project, 'out')
  rmSync(out, { recursive: true, force: true })
  const built = await runToEnd(program, [...args, ...way.args], { cwd: project, env: workshop.env })
  const warnings = Number(/^(\d+) warnings$/m.exec(built.output)?.[1] ?? 0)
  if (built.code !== 0) return { warnings, message: `${built.errors}\n${built.output}` }
  const place = way.alone ? mkdtempSync(join(dirname(project), 'elsewhere-')) : project
  if (way.alone) cpSync(out, join(place, 'out'), { recursive: true })
  const file = readdirSync(out).find((name) => /^(bot|index)(\.[cm]?js)?$/.test(name)) ?? 'bot'
  const path = join(place, 'out', file)
  const isProgram = !/js$/.test(file)
  const runner = args.includes('--target=bun') ? [program, 'run', path] : isProgram ? [path] : [workshop.node, path]
  const ran = await runToEnd(runner[0], runner.slice(1), { cwd: place, env: workshop.env })
  return { warnings, message: ran.output.trim() === 'kept' ? undefined : `${ran.output}${ran.errors}` }
}
