// The package managers: each installs the package from the registry, and a program of each module system then runs.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { runQuietly, runToEnd } from './processes.mjs'
import { versionOf } from './tools.mjs'
import { OURS } from './workshop.mjs'

/** @import { Result, Row } from './outcome.mjs' */
/** @import { Workshop } from './workshop.mjs' */

/**
 * What a manager is, as far as the rows differ.
 *
 * @typedef {object} Manager
 * @property {string} version
 * @property {string[]} command the program and its first arguments
 * @property {string[]} [install] the arguments that install what the project's manifest asks for
 * @property {string} lock the name of the lock file
 * @property {string[]} [run] what runs a program of the project; plain Node.js by default
 * @property {Record<string, string>} [files] written into the project first
 */

/** @type {(major: number) => Row} */
const npmRow = (major) => ({
  name: `npm-${major}`,
  title: `npm ${major}`,
  async run(workshop) {
    const modules = await workshop.toolOf(`npm@${major}`)
    const npm = {
      version: versionOf(modules, 'npm'),
      command: [workshop.node, join(modules, 'npm', 'bin', 'npm-cli.js')],
      lock: 'package-lock.json',
    }
    const result = await test(workshop, npm)
    result.notes.push(...(await testLocks(workshop, npm, result.problems)))
    return result
  },
})

/** @type {(name: string, title: string, linker: string) => Row} */
const yarnRow = (name, title, linker) => ({
  name,
  title,
  async run(workshop) {
    const modules = await workshop.toolOf('@yarnpkg/cli-dist@4')
    const yarn = [workshop.node, join(modules, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js')]
    const isPnp = linker === 'pnp'
    const manager = {
      version: versionOf(modules, '@yarnpkg/cli-dist'),
      command: yarn,
      lock: 'yarn.lock',
      run: isPnp ? [...yarn, 'node'] : undefined,
      files: { 'yarn.lock': '', '.yarnrc.yml': `nodeLinker: ${linker}\nenableGlobalCache: false\n` },
    }
    if (!isPnp) return test(workshop, manager)
    const plain = await test(workshop, manager)
    const cure = 'pnpEnableEsmLoader: true'
    const files = { ...manager.files, '.yarnrc.yml': `${manager.files['.yarnrc.yml']}${cure}\n` }
    const cured = await test(workshop, { ...manager, files })
    const fails = plain.problems.some((problem) => problem.startsWith('ESM'))
    return fails ? { ...cured, notes: [`\`import\` needs \`${cure}\` in \`.yarnrc.yml\``] } : plain
  },
})

/** @type {{ name: string, head: string[], rows: Row[] }} */
export const MANAGERS = {
  name: 'managers',
  head: ['natives in its lock file', 'natives installed', '`import`', '`require`'],
  rows: [
    npmRow(10),
    npmRow(11),
    {
      name: 'pnpm',
      title: 'pnpm',
      async run(workshop) {
        const command = [await workshop.pnpmOf()]
        const version = (await runQuietly(command[0], ['--version'])).output.trim()
        return test(workshop, { version, command, lock: 'pnpm-lock.yaml' })
      },
    },
    {
      name: 'yarn-1',
      title: 'Yarn 1',
      async run(workshop) {
        const modules = await workshop.toolOf('yarn@1')
        const command = [workshop.node, join(modules, 'yarn', 'bin', 'yarn.js')]
        return test(workshop, { version: versionOf(modules, 'yarn'), command, lock: 'yarn.lock' })
      },
    },
    yarnRow('yarn', 'Yarn, node-modules', 'node-modules'),
    yarnRow('yarn-pnp', "Yarn, Plug'n'Play", 'pnp'),
    {
      name: 'bun-install',
      title: 'bun install',
      async run(workshop) {
        const bun = await workshop.bunOf()
        const version = (await runQuietly(bun, ['--version'])).output.trim()
        return test(workshop, { version, command: [bun], lock: 'bun.lock', run: [bun, 'run'] })
      },
    },
    {
      name: 'deno-install',
      title: 'deno install',
      async run(workshop) {
        const deno = await workshop.denoOf()
        const version = versionOf(await workshop.toolOf('deno@2'), 'deno')
        return test(workshop, { version, command: [deno], lock: 'deno.lock', run: [deno, 'run', '-A'] })
      },
    },
  ],
}

/**
 * @param {Workshop} workshop
 * @param {Manager} manager
 * @returns {Promise<Result & { notes: string[] }>}
 */
async function test(workshop, manager) {
  const { version, command, install = ['install'], lock, run = [workshop.node], files = {} } = manager
  const project = makeProject(workshop, files)
  const problems = []
  const [program, ...first] = command
  const { code, output, errors } = await runToEnd(program, [...first, ...install], { cwd: project, env: workshop.env })
  if (code !== 0) problems.push(`it ended with ${code}: ${output}${errors}`)
  const locked = countIn(join(project, lock), workshop.natives)
  if (locked !== workshop.natives.length) problems.push(`${lock} lists ${locked} native packages`)
  const cells = [`${locked} of ${workshop.natives.length}`, listInstalled(project, workshop.natives)]
  for (const [system, name] of [
    ['ESM', 'bot.mjs'],
    ['CommonJS', 'bot.cjs'],
  ]) {
    const [runner, ...args] = run
    const ended = await runToEnd(runner, [...args, name], { cwd: project, env: workshop.env })
    const works = ended.output.trim() === 'kept'
    if (!works) problems.push(`${system}: ${ended.output}${ended.errors}`)
    cells.push(works ? 'works' : 'fails')
  }
  return { version, problems, cells, notes: [] }
}

function makeProject(workshop, files = {}) {
  const version = workshop.spec.slice(OURS.length + 1)
  const project = workshop.makeProject('manager', { dependencies: { [OURS]: version } })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(project, name), content)
  return project
}

/** Counts the packages that a lock file holds: the manifest of the root package in it names them all in any case. */
function countIn(file, names) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return names.filter((name) => text.includes(`node_modules/${name}"`) || new RegExp(`${name}@(npm:)?\\d`).test(text))
    .length
}

/** Returns the targets whose packages are on the disk of a project, wherever its manager keeps them. */
function listInstalled(project, natives) {
  const paths = readdirSync(project, { recursive: true }).map(String)
  const targets = natives.map((name) => name.slice(OURS.length + 1))
  // A target may be the beginning of another one's name.
  const found = targets.filter((target) =>
    paths.some((path) => new RegExp(`flowkit-storage-${target}(?![\\w-]*musl|[a-z0-9])`).test(path)),
  )
  return found.join(', ')
}

/** How npm writes the lock file of a project that has its `node_modules` already, and whether `npm ci` then installs. */
async function testLocks(workshop, { command, lock }, problems) {
  const project = makeProject(workshop)
  const [program, ...first] = command
  const npm = (...args) => runToEnd(program, [...first, ...args], { cwd: project, env: workshop.env })
  await npm('install')
  rmSync(join(project, lock))
  await npm('install')
  const locked = countIn(join(project, lock), workshop.natives)
  const { code, output, errors } = await npm('ci')
  if (code !== 0) problems.push(`npm ci ended with ${code}: ${output}${errors}`)
  const all = workshop.natives.length
  if (locked === all) return []
  return [`a lock file made beside an existing \`node_modules\` lists ${locked} of ${all}`]
}
