import { conformance } from './suite.js'
import { MEMORY } from './support/subjects.js'

conformance(MEMORY)
