import { conformance } from './suite.js'
import { ADAPTERS, VARIANTS } from './support/subjects.js'

for (const subject of [...ADAPTERS, ...VARIANTS]) conformance(subject)
