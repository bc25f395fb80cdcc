// A set-up of all specs: states of 1 KB travel short too, so that tests need no large ones.
import { createRequire } from 'node:module'

const { LIMITS } = createRequire(import.meta.url)('../../lib/short-limits.js') as { LIMITS: { leastUnits: number } }
LIMITS.leastUnits = 1024
