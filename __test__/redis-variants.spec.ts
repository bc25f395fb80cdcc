import { variantConformance } from './suite.js'
import { REDIS_VARIANTS } from './support/subjects.js'

for (const subject of REDIS_VARIANTS) variantConformance(subject)
