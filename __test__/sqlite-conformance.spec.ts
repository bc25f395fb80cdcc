import { conformance } from './suite.js'
import { SQLITE } from './support/subjects.js'

conformance(SQLITE)
