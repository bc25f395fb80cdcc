// The program that package managers install for and bundlers bundle.
import { main } from './keeps.mjs'

main().then(console.log)
