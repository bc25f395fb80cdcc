import { conformance } from './suite.js'
import { REDIS } from './support/subjects.js'

conformance(REDIS)
