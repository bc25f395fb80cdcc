// Uses an adapter and ends in the way that is asked for.
import { openPlace, ready } from '../support/open.mjs'
import { versioned } from '../support/versions.mjs'

const { place, count, ending } = JSON.parse(process.argv[2])
const storage = openPlace(place)
await ready(storage)
const saveAll = (prefix = 'c') => {
  for (let index = 0; index < count; index++) {
    storage.save(versioned(`${prefix}${index}`, 1))
    storage.save(versioned(`${prefix}${index}`, 2))
  }
}

switch (ending) {
  case 'awaited':
    saveAll()
    await storage.load('c0')
    await storage.delete('nobody')
    break
  case 'unused':
    break
  case 'natural end':
    saveAll()
    break
  case 'process.exit()':
    saveAll()
    process.exit(0)
    break
  case 'process.exit() in a later turn':
    saveAll()
    setTimeout(() => process.exit(0), 2)
    break
  case 'uncaught throw':
    saveAll()
    throw new Error('thrown on purpose')
  case 'a later exit listener':
    await storage.load('c0')
    process.on('exit', () => saveAll())
    break
  default:
    throw new Error(ending)
}
