import {
  installChromium,
  installFileSystems,
  installOpenssl,
  installPostgres,
  installRedis,
  installStrace,
} from '../../scripts/setup.mjs'

const REDIS = [installRedis, installOpenssl]

/** The programs that the specs of each project start, besides Node.js. */
const PROGRAMS = {
  servers: [...REDIS, installPostgres],
  failovers: REDIS,
  consumers: REDIS,
  browsers: [installChromium],
  traces: [installStrace],
  volumes: [installFileSystems],
}

/** Installs the programs that the project needs, where that is allowed. */
export default function setup({ name }) {
  for (const install of PROGRAMS[name]) install()
}
