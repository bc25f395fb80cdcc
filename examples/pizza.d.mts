import type { Flow } from './engine.mjs'

/** A flow that takes the order of a pizza. */
export declare const pizza: Flow
