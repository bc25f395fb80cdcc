// `npm run licenses`: writes THIRD-PARTY-LICENSES, the notices of what is linked into the binaries. It goes into each native
// package. `--check` only compares; `npm run lint` does.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { ROOT } from './setup.mjs'

const FILE = join(ROOT, 'THIRD-PARTY-LICENSES')
const { targets } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).napi

const HEAD = `The binary of @andresaya/flowkit-storage holds parts of the packages below, for one platform or another. Where a package
leaves the choice of its licence, the one that is shown was chosen. It also holds SQLite, which is in the public domain, and
the standard library of Rust: Copyright (c) The Rust Project Contributors, under the terms of the MIT licence below.
`

const mit = (holders) => `MIT License

Copyright (c) ${holders}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

/** Returns the packages that are linked in: not what only builds or tests, nor macros. */
function linkedPackages() {
  const platforms = targets.flatMap((target) => ['--filter-platform', target])
  const args = ['metadata', '--format-version', '1', '--locked', ...platforms]
  const metadata = JSON.parse(execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 }))
  const packages = new Map(metadata.packages.map((one) => [one.id, one]))
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]))
  const linked = new Set()
  const visit = (id) => {
    const one = packages.get(id)
    if (linked.has(one) || one.targets.some(({ kind }) => kind.includes('proc-macro'))) return
    linked.add(one)
    for (const { pkg, dep_kinds } of nodes.get(id).deps) {
      if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg)
    }
  }
  visit(metadata.resolve.root)
  // Without a source: ours.
  return [...linked].filter(({ source }) => source !== null)
}

/** Returns the texts under which a package is used. */
function textsOf({ name, license, authors, manifest_path }) {
  const directory = dirname(manifest_path)
  const files = readdirSync(directory).filter((file) => /^(licen[sc]e|copying|notice|unlicense)/i.test(file))
  const mayChoose = / OR |\//.test(license)
  const chosen = mayChoose ? files.find((file) => /mit|boost/i.test(file)) : undefined
  const used = chosen === undefined ? files.sort() : [chosen, ...files.filter((file) => /^notice/i.test(file))]
  if (used.length > 0) return used.map((file) => readFileSync(join(directory, file), 'utf8'))
  if (!/\bMIT\b/.test(license)) throw new Error(`${name} (${license}) brings no text of its licence.`)
  return [mit(authors.join(', ') || `the authors of ${name}`)]
}

function makeNotices() {
  /** The packages under each text. */
  const byText = new Map()
  for (const one of linkedPackages()) {
    for (const text of textsOf(one)) {
      const plain = text
        .replace(/\r\n?/g, '\n')
        .replace(/[ \t]+$/gm, '')
        .trim()
      byText.set(plain, [...(byText.get(plain) ?? []), `${one.name} ${one.version} (${one.license})`])
    }
  }
  const sections = [...byText].map(([text, names]) => `${names.sort().join('\n')}\n\n${text}\n`).sort()
  return [HEAD, ...sections].join(`\n${'-'.repeat(80)}\n\n`)
}

const notices = makeNotices()
if (!process.argv.includes('--check')) writeFileSync(FILE, notices)
else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== notices) {
  console.error('THIRD-PARTY-LICENSES is not that of Cargo.lock: run "npm run licenses", and commit it.')
  process.exit(1)
}
