// `npm run soak -- 7200`: two hours of all adapters under load and faults. Five minutes where nothing is said.
import { runTool } from './setup.mjs'

const seconds = process.argv[2] ?? '300'
runTool('vitest', ['run', '__test__/soak.spec.ts'], { env: { ...process.env, FLOWKIT_SOAK_SECONDS: seconds } })
