// `npm run lint`: every gate that needs no server.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { installPackages, ROOT, run, runTool, say } from './setup.mjs'

installPackages()
say('Format and lint ...')
run('cargo', ['fmt', '--check'])
run('cargo', ['clippy', '--all-targets', '--quiet', '--', '-D', 'warnings'])
runTool('biome', ['check', '--error-on-warnings', '.'])

say('Structure ...')
const problems = []
for (const entry of readdirSync(join(ROOT, 'src/store'), { recursive: true })) {
  if (!entry.endsWith('.rs')) continue
  const text = readFileSync(join(ROOT, 'src/store', entry), 'utf8')
  if (/^\s*(pub )?use napi|\bnapi(_derive)?::/m.test(text)) problems.push(`src/store/${entry} knows Node`)
}
for (const room of ['src', 'lib', 'testing', '__test__', 'scripts', 'examples', 'benchmark', '.']) {
  for (const entry of readdirSync(join(ROOT, room), { recursive: room !== '.' })) {
    if (!/\.(rs|[cm]?[jt]s)$/.test(entry) || entry.startsWith('binding.')) continue
    const lines = readFileSync(join(ROOT, room, entry), 'utf8').split('\n').length
    if (lines > 300) problems.push(`${join(room, entry)} has ${lines} lines: is it still about one thing?`)
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
