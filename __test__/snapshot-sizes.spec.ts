import { snapshotConformance } from './suite.js'
import { database, FILE, MEMORY, SQLITE } from './support/subjects.js'

for (const subject of [MEMORY, FILE, SQLITE, database('WAL')]) snapshotConformance(subject)
