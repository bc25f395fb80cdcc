import { variantConformance } from './suite.js'
import { FILE_VARIANTS } from './support/subjects.js'

for (const subject of FILE_VARIANTS) variantConformance(subject)
