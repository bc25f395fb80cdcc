import { conformance } from './suite.js'
import { FILE } from './support/subjects.js'

conformance(FILE)
