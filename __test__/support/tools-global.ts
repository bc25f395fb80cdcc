import { installTools } from './tools.js'

/** Installed before any test file asks for them, since two of them may do so at the same time. */
export default async function setup() {
  await installTools()
}
