// Packages of Debian 13, fetched with apt from the mirror that this machine is configured for. Nothing is installed.
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { CACHE, cached, Missing, need } from './cache.mjs'

const SUITES = ['trixie', 'trixie-backports']

/** Returns the environment in which apt knows Debian 13 and no installed package. Its proxies and keys stay as they are. */
function apt() {
  const reason = 'apt reaches no mirror of Debian'
  const format = '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)'
  const indexes = need(reason, 'apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const mirror = /^Debian main [a-z]+ (\S+)$/m.exec(indexes)?.[1]
  if (mirror === undefined) throw new Missing(reason)
  // By the day: a mirror forgets the packages of an old list.
  const state = cached(`apt-${new Date().toISOString().slice(0, 10)}`, (folder) => {
    mkdirSync(join(folder, 'cache/archives/partial'), { recursive: true })
    mkdirSync(join(folder, 'lists/partial'), { recursive: true })
    writeFileSync(join(folder, 'status'), '')
    writeFileSync(join(folder, 'sources'), SUITES.map((suite) => `deb ${mirror} ${suite} main\n`).join(''))
    need(`${reason} 13`, 'apt-get', ['update'], { env: { APT_CONFIG: configure(folder) } })
  })
  return { APT_CONFIG: configure(state) }
}

function configure(folder) {
  const path = join(folder, 'apt.conf')
  const settings = {
    'Dir::Etc::SourceList': join(folder, 'sources'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::Status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'APT::Architecture': 'amd64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'Debug::NoLocking': 'true',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
  writeFileSync(path, `${lines.join('')}APT::Architectures { "amd64"; "arm64"; };\n`)
  return path
}

/** Returns a folder with the sources of the standard library of Rust `version`, if Debian has just this version. */
export function rustSources(version) {
  const folder = cached(`rust-src-${version}`, (into) => {
    const env = apt()
    const known = need('apt does not work', 'apt-cache', ['madison', 'rust-src'], { env })
    const found = known.match(new RegExp(`\\b${version.replaceAll('.', '\\.')}\\S+`))?.[0]
    if (found === undefined) throw new Missing(`Debian has no sources of Rust ${version}`)
    need('rust-src cannot be fetched', 'apt-get', ['download', `rust-src=${found}`], { cwd: into, env })
    unpackAll(into, into)
  })
  return join(folder, 'usr/src', `rustc-${version}`, 'library')
}

/** Returns a root directory with these packages and what they depend on, unpacked and not configured. */
export function debianRoot(name, packages) {
  return cached(`root-${name}`, (root) => {
    const archives = join(CACHE, `debs-${name}`)
    mkdirSync(join(archives, 'partial'), { recursive: true })
    const download = ['install', '--yes', '--download-only', '-o', `Dir::Cache::Archives=${archives}`, ...packages]
    need(`${packages.join(', ')} cannot be fetched from Debian`, 'apt-get', download, { env: apt() })
    for (const folder of ['bin', 'lib', 'sbin', 'lib64']) {
      mkdirSync(join(root, 'usr', folder), { recursive: true })
      symlinkSync(`usr/${folder}`, join(root, folder))
    }
    for (const folder of ['dev', 'proc', 'tmp', 'etc', 'root', 'node', 'project']) {
      if (!existsSync(join(root, folder))) mkdirSync(join(root, folder))
    }
    unpackAll(archives, root)
  })
}

function unpackAll(archives, into) {
  for (const name of readdirSync(archives)) {
    if (name.endsWith('.deb')) need(`${name} cannot be unpacked`, 'dpkg-deb', ['--extract', join(archives, name), into])
  }
}
