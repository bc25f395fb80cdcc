// Bundles bot.mjs into the folder `out`: the bundler's name, then the members that are added to its configuration, as they are documented.
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [bundler, members = ''] = process.argv.slice(2)
const added = new Function(`return { ${members} }`)()

/** Bundles by webpack, or by a bundler with its interface. */
function pack(bundle) {
  const output = { path: `${process.cwd()}/out`, filename: 'bot.cjs' }
  const config = { mode: 'production', target: 'node', entry: './bot.mjs', output, ...added }
  return new Promise((resolve, reject) => {
    bundle(config, (error, stats) => {
      if (error) return reject(error)
      const { errors = [], warnings = [] } = stats.toJson({ all: false, errors: true, warnings: true })
      console.log(`${warnings.length} warnings`)
      for (const { message } of [...errors, ...warnings]) console.error(message)
      if (errors.length > 0) process.exitCode = 1
      resolve()
    })
  })
}

/** Bundles by rollup, or by a bundler with its interface. */
async function roll(rollup, config) {
  const bundle = await rollup({ input: 'bot.mjs', ...config, ...added })
  await bundle.write({ file: 'out/bot.mjs', format: 'es' })
  await bundle.close()
}

const BUNDLERS = {
  async webpack() {
    await pack((await import('webpack')).default)
  },
  async rspack() {
    await pack((await import('@rspack/core')).rspack)
  },
  async rollup() {
    const { rollup } = await import('rollup')
    const { default: resolve } = await import('@rollup/plugin-node-resolve')
    const { default: commonjs } = await import('@rollup/plugin-commonjs')
    const { default: json } = await import('@rollup/plugin-json')
    await roll(rollup, { plugins: [resolve({ preferBuiltins: true }), commonjs(), json()] })
  },
  async rolldown() {
    const { rolldown } = await import('rolldown')
    await roll(rolldown, { platform: 'node' })
  },
  async vite() {
    const { build } = await import('vite')
    await build({ logLevel: 'error', build: { ssr: 'bot.mjs', outDir: 'out' }, ...added })
  },
  async nitro() {
    const { build, createNitro } = await import('nitropack')
    const output = { dir: 'out', serverDir: 'out' }
    const nitro = await createNitro({ rootDir: process.cwd(), preset: 'node-server', entry: './bot.mjs', output })
    await build(nitro)
    await nitro.close()
  },
  async nft() {
    const { nodeFileTrace } = await import('@vercel/nft')
    const { fileList } = await nodeFileTrace(['bot.mjs'])
    for (const file of fileList) cpSync(file, join('out', file), { recursive: true, verbatimSymlinks: true })
  },
  async sea() {
    const { build } = await import('esbuild')
    const { inject } = await import('postject')
    const options = { bundle: true, platform: 'node', outfile: 'out/script.cjs', loader: { '.node': 'copy' } }
    await build({ entryPoints: ['bot.mjs'], ...options, ...added })
    writeFileSync('sea.json', '{ "main": "out/script.cjs", "output": "sea.blob" }')
    execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json'])
    copyFileSync(process.execPath, 'out/bot')
    const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
    await inject('out/bot', 'NODE_SEA_BLOB', readFileSync('sea.blob'), { sentinelFuse })
  },
}

await BUNDLERS[bundler]()
