// `npm run lint`: every gate that needs no server.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { installPackages, ROOT, run, runTool, say } from './setup.mjs'

installPackages()
say('Format and lint ...')
run('cargo', ['fmt', '--all', '--check'])
run('cargo', ['clippy', '--workspace', '--all-targets', '--quiet', '--', '-D', 'warnings'])
runTool('biome', ['check', '--error-on-warnings', '.'])

say('Structure ...')
const problems = []
for (const folder of ['crates', 'src', 'lib', 'cli', 'testing', '__test__', 'scripts', 'examples', 'benchmark', '.']) {
  for (const entry of readdirSync(join(ROOT, folder), { recursive: folder !== '.' })) {
    if (!/\.(rs|[cm]?[jt]s)$/.test(entry) || entry.startsWith('binding.')) continue
    const lines = readFileSync(join(ROOT, folder, entry), 'utf8').split('\n').length
    if (lines > 300) problems.push(`${join(folder, entry)} has ${lines} lines: is it still about one thing?`)
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}

say('Package ...')
run('node', ['scripts/licenses.mjs', '--check'])
runTool('publint', ['--strict'])
runTool('attw', ['--pack', '.', '--format', 'ascii'])
