import { snapshotConformance } from './suite.js'
import { REDIS, REDIS_CLIENT } from './support/subjects.js'

for (const subject of [REDIS, REDIS_CLIENT]) snapshotConformance(subject)
