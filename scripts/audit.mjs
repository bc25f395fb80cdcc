// `npm run audit`: what the dependencies bring along. The advisories are asked for on the network, so this is no part of
// `npm run lint`. Needs cargo-deny (`cargo install cargo-deny --locked`).
import { attempt, say } from './setup.mjs'

let failed = false
function check(what, command, args) {
  say(what)
  if (attempt(command, args).status !== 0) failed = true
}

if (attempt('cargo', ['deny', '--version'], { stdio: 'ignore' }).status !== 0) {
  console.error('cargo-deny is missing: cargo install cargo-deny --locked')
  process.exit(1)
}
check('Licences, bans and sources of the crates ...', 'cargo', ['deny', 'check', 'licenses', 'bans', 'sources'])
check('Advisories of the crates ...', 'cargo', ['deny', 'check', 'advisories'])
check('Advisories of what users install ...', 'npm', ['audit', '--omit=dev'])
check('Advisories of what developers install ...', 'npm', ['audit'])
process.exit(failed ? 1 : 0)
