// What the rows share: a registry with the packed packages, the tools of other people, a Redis server, and new projects.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { redisVersion, startRedis } from '../../benchmark/harness/redis-server.mjs'
import { packAll } from './pack.mjs'
import { runQuietly } from './processes.mjs'
import { openRegistry } from './registry.mjs'
import { CACHE, install, openTools } from './tools.mjs'

export const OURS = '@andresaya/flowkit-storage'
/** The version of Node.js that runs the package managers and the bundlers. */
const NODE = 24
const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url))

/** @typedef {Awaited<ReturnType<typeof openWorkshop>>} Workshop */

export async function openWorkshop() {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'flowkit-compat-')))
  const setting = async (name) => (await runQuietly('npm', ['config', 'get', name], { cwd: dir })).output.trim()
  const certificates = await setting('cafile')
  const packages = await packAll(join(dir, 'packed'))
  const registry = await openRegistry({
    packages,
    upstream: (await setting('registry')).replace(/\/*$/, '/'),
    ca: existsSync(certificates) ? readFileSync(certificates) : undefined,
    cache: join(CACHE, 'tarballs'),
  })
  const redis = redisVersion() === undefined ? undefined : await startRedis(join(dir, 'redis'))
  const environment = makeEnvironment(dir, registry.url)
  const tools = openTools(environment)
  const node = await tools.nodeOf(NODE)
  /** Programs find this Node.js first. */
  const env = {
    ...environment,
    PATH: [dirname(node), process.env.PATH].join(delimiter),
    COMPAT_REDIS_PORT: String(redis?.port ?? ''),
    COMPAT_DIR: dir,
  }

  return {
    ...tools,
    env,
    node,
    registry: registry.url,
    /** The package as a project asks for it. */
    spec: `${OURS}@${packages[0].manifest.version}`,
    /** The names of the native packages. */
    natives: Object.keys(packages[0].manifest.optionalDependencies),
    /** Returns the directory of a new project, with the programs of the rows in it. */
    makeProject(name, manifest = {}) {
      const project = mkdtempSync(join(dir, `${name}-`))
      writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, ...manifest }, null, 2))
      writeFileSync(join(project, '.npmrc'), `registry=${registry.url}\n`)
      for (const program of readdirSync(PROGRAMS)) copyFileSync(join(PROGRAMS, program), join(project, program))
      return project
    },
    /** Installs the package into a project by npm, with others. */
    async install(project, ...specs) {
      await install(project, [this.spec, ...specs], env)
    },
    async close() {
      registry.close()
      await redis?.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** The environment of a user who has set nothing up: nothing of npm's or of this project's, and a home of its own. */
function makeEnvironment(dir, registry) {
  const foreign = /^(npm_|NODE_|VITEST|JEST|FLOWKIT_|BUN_|DENO_|YARN_|PNPM_|XDG_|CI$|HOME$|INIT_CWD$)/i
  const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name))
  const home = join(dir, 'home')
  mkdirSync(home, { recursive: true })
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    NO_COLOR: '1',
    npm_config_registry: registry,
    npm_config_cache: join(home, '.npm'),
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    YARN_NPM_REGISTRY_SERVER: registry.slice(0, -1),
    YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
    YARN_ENABLE_TELEMETRY: '0',
    BUN_INSTALL_CACHE_DIR: join(home, '.bun'),
    DENO_DIR: join(home, '.deno'),
    DENO_NO_UPDATE_CHECK: '1',
    NEXT_TELEMETRY_DISABLED: '1',
  }
}
