import { conformance } from './suite.js'
import { ADAPTERS } from './support/subjects.js'

for (const subject of ADAPTERS) conformance(subject)
