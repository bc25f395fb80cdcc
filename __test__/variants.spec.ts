import { conformance } from './suite.js'
import { VARIANTS } from './support/subjects.js'

// The code under them is that of the four adapters, whose writers are killed more often.
for (const subject of VARIANTS)
  conformance({ ...subject, kills: Math.min(40, Number(process.env.FLOWKIT_KILLS ?? 40)) })
