// Next.js: a route that uses the package is built, carried to another directory, and served.
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { freePort } from '../../benchmark/harness/redis-server.mjs'
import { describePlain } from './outcome.mjs'
import { runToEnd } from './processes.mjs'
import { programOf, versionOf } from './tools.mjs'
import { OURS } from './workshop.mjs'

/** @import { Row } from './outcome.mjs' */

const CURE = `serverExternalPackages: ['${OURS}']`
const FILES = {
  'app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>\n',
  'app/kept/route.js': `import { main } from '../../keeps.mjs'

export const dynamic = 'force-dynamic'
export const GET = async () => new Response(await main())
`,
}
/** How long a server may take to start on a busy machine, in ms. */
const PATIENCE = 60_000

/** @type {(name: string, title: string, flags: string[], says: string) => Row} */
const nextRow = (name, title, flags, says) => ({
  name,
  title,
  async run(workshop) {
    const project = workshop.makeProject('next')
    for (const [path, content] of Object.entries(FILES)) {
      mkdirSync(dirname(join(project, path)), { recursive: true })
      writeFileSync(join(project, path), content)
    }
    await workshop.install(project, 'next@16', 'react@19', 'react-dom@19')
    const modules = join(project, 'node_modules')
    const plain = await serve(workshop, project, flags, '')
    const cured = await serve(workshop, project, flags, CURE)
    const problems = cured === undefined ? [] : [`with ${CURE}: ${cured}`]
    const cells = [describePlain(plain, says, true, problems), `\`${CURE}\``]
    return { version: versionOf(modules, 'next'), problems, cells }
  },
})

export const NEXT = [
  nextRow('next', 'Next.js, Turbopack', [], 'non-ecmascript placeable asset'),
  nextRow('next-webpack', 'Next.js, webpack', ['--webpack'], 'Module parse failed: Unexpected character'),
]

/** Returns the message of the first step that fails; none if the route keeps what it is given. */
async function serve(workshop, project, flags, members) {
  rmSync(join(project, '.next'), { recursive: true, force: true })
  const root = `outputFileTracingRoot: import.meta.dirname, turbopack: { root: import.meta.dirname }`
  writeFileSync(join(project, 'next.config.mjs'), `export default { output: 'standalone', ${root}, ${members} }\n`)
  const next = programOf(join(project, 'node_modules'), 'next', 'next')
  const built = await runToEnd(workshop.node, [next, 'build', ...flags], { cwd: project, env: workshop.env })
  if (built.code !== 0) return `${built.errors}\n${built.output}`
  const place = mkdtempSync(join(dirname(project), 'elsewhere-'))
  cpSync(join(project, '.next', 'standalone'), place, { recursive: true })
  return ask(workshop, place)
}

async function ask(workshop, place) {
  const port = await freePort()
  const env = { ...workshop.env, PORT: String(port), HOSTNAME: '127.0.0.1', NODE_ENV: 'production' }
  const server = spawn(workshop.node, ['server.js'], { cwd: place, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => server.kill('SIGKILL')
  process.once('exit', kill)
  let said = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (said += text))
  try {
    const end = Date.now() + PATIENCE
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}/kept`).catch(() => undefined)
      const text = await response?.text()
      if (text === 'kept') return undefined
      if (response !== undefined || Date.now() > end || server.exitCode !== null) return `${text ?? ''}\n${said}`
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  } finally {
    kill()
    process.off('exit', kill)
  }
}
