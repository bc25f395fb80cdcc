// Built-ins that something else in the process has changed after the package was loaded: what an old polyfill does by
// accident, and what an attacker can do to a program that merges objects carelessly.
import { writeFileSync } from 'node:fs'

import { FileStorage, MemoryStorage, SQLiteStorage } from '../../index.js'

const { dir } = JSON.parse(process.argv[2])
const storages = [
  new MemoryStorage(),
  new FileStorage({ dir: `${dir}-files` }),
  new SQLiteStorage({ path: `${dir}-data/states.db` }),
]
const strangers = []
const check = (holds, what) => {
  if (!holds) strangers.push(what)
}
const codeOf = (promise) =>
  promise.then(
    () => 'done',
    (error) => error.code,
  )

for (const [index, storage] of storages.entries()) {
  await storage.save({ conversationId: '\uFFFD', slots: { whose: 'replacement' } })
  await storage.save({ conversationId: 'victim', slots: { whose: 'victim' } })
  // Ids come from strangers; what refuses them must not depend on a method that was replaced.
  const { isWellFormed, startsWith } = String.prototype
  const { stringify } = JSON
  String.prototype.isWellFormed = () => true
  String.prototype.startsWith = () => true
  JSON.stringify = () => '{"conversationId":"victim"}'
  const refused = [storage.save({ conversationId: '\uD800' }), storage.load('\uD800'), storage.delete('\uDFFF')]
  const toJSON = () => ({ conversationId: 'victim', slots: { whose: 'attacker' } })
  const mixed = storage.save({ conversationId: 'attacker', toJSON })
  Object.assign(String.prototype, { isWellFormed, startsWith })
  JSON.stringify = stringify
  for (const promise of refused)
    check((await codeOf(promise)) === 'ERR_STORAGE_INVALID_ID', `${index}: an ill-formed id`)
  check((await codeOf(mixed)) === 'ERR_STORAGE_INVALID_STATE', `${index}: a state of another conversation`)

  Object.prototype.conversationId = 'victim'
  check((await codeOf(storage.save({ slots: {} }))) === 'ERR_STORAGE_INVALID_STATE', `${index}: an inherited id`)
  delete Object.prototype.conversationId

  // Operations must be handed over whatever `then` is.
  const { then } = Promise.prototype
  // biome-ignore lint/suspicious/noThenProperty: that is the attack
  Promise.prototype.then = () => {
    throw new Error('replaced')
  }
  const saved = storage.save({ conversationId: 'then', slots: {} })
  const loaded = storage.load('then')
  // biome-ignore lint/suspicious/noThenProperty: that is the attack
  Promise.prototype.then = then
  check((await codeOf(saved)) === 'done', `${index}: a save under a replaced then`)
  check((await loaded)?.conversationId === 'then', `${index}: a load under a replaced then`)

  check((await storage.load('\uFFFD'))?.slots.whose === 'replacement', `${index}: U+FFFD`)
  check((await storage.load('victim'))?.slots.whose === 'victim', `${index}: the victim`)
}

// Stored keys are own keys of what is loaded, and of nothing else.
for (const storage of storages) {
  const text = '{"conversationId":"p","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
  await storage.save(JSON.parse(text))
  const state = await storage.load('p')
  check(Object.hasOwn(state, '__proto__') && Object.getPrototypeOf(state) === Object.prototype, 'its prototype')
  check(Object.hasOwn(state, 'constructor') && {}.polluted === undefined, 'pollution')
  check(JSON.stringify(state) === text, 'its text')
}

// An option that nobody gave.
for (const [name, value] of [
  ['dir', dir],
  ['path', `${dir}/stolen.db`],
  ['submitted', true],
  ['pretty', true],
]) {
  Object.prototype[name] = value
  let code = 'constructed'
  try {
    const storage =
      name === 'path' ? new SQLiteStorage({}) : name === 'dir' ? new FileStorage({}) : new MemoryStorage({})
    await storage.save({ conversationId: 'x' })
  } catch (error) {
    code = error.code
  }
  delete Object.prototype[name]
  const expected = name === 'dir' || name === 'path' ? 'ERR_STORAGE_INVALID_OPTIONS' : 'constructed'
  check(code === expected, `${name}: ${code}`)
}

// A frozen realm, as of SES or `node --frozen-intrinsics`.
for (const root of [Object, Array, String, Promise, Error, Function, Map, Set, JSON, RegExp]) {
  Object.freeze(root)
  if (root.prototype !== undefined) Object.freeze(root.prototype)
}
for (const storage of storages) {
  await storage.save({ conversationId: 'frozen', slots: {} })
  check((await storage.load('frozen'))?.conversationId === 'frozen', 'a frozen realm')
  check((await codeOf(storage.load(''))) === 'ERR_STORAGE_INVALID_ID', 'an error in a frozen realm')
  await storage.close()
}
writeFileSync(1, JSON.stringify({ settled: 'all', strangers }))
