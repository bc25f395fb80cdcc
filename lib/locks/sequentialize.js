'use strict'

/** The methods of a FlowEngine that change a conversation. Each takes the conversation's id first. */
const METHODS = ['start', 'handle', 'setSlot', 'delete']

/**
 * Returns an engine whose calls on one conversation run one after another, in all processes.
 *
 * @template {object} Engine
 * @param {Engine} engine
 * @param {{ withLock: (id: string, fn: () => any, options?: any) => Promise<any> }} storage
 * @param {{ methods?: readonly string[] } & { [option: string]: unknown }} [options]
 * @returns {Engine}
 */
function sequentialize(engine, storage, options = {}) {
  if (engine === null || typeof engine !== 'object') throw new TypeError('sequentialize() takes an engine')
  if (typeof storage?.withLock !== 'function') {
    throw new TypeError('sequentialize() takes a storage that has withLock() as its second argument')
  }
  const { methods = METHODS, ...lockOptions } = options
  if (!Array.isArray(methods) || !methods.every((name) => typeof name === 'string')) {
    throw new TypeError('The option "methods" of sequentialize() must be a list of names')
  }
  for (const name of methods) {
    if (isFixed(engine, name)) throw new TypeError(`sequentialize() cannot replace ${name}(): the engine is frozen`)
  }
  /** @type {Set<PropertyKey>} */
  const locked = new Set(methods)
  /** Made once each, so that a method is equal to itself. @type {Map<PropertyKey, { value: Function, wrapper: Function }>} */
  const wrappers = new Map()
  /** @type {(method: Function, target: object) => (id: string, ...rest: unknown[]) => unknown} */
  const lock =
    (method, target) =>
    (id, ...rest) =>
      storage.withLock(id, () => Reflect.apply(method, target, [id, ...rest]), lockOptions)
  return new Proxy(engine, {
    get(target, name) {
      // The target is `this`: so private fields work, and calls inside the engine stay in the scope of the first one.
      const value = Reflect.get(target, name, target)
      if (typeof value !== 'function' || name === 'constructor' || isFixed(target, name)) return value
      const known = wrappers.get(name)
      if (known?.value === value) return known.wrapper
      const wrapper = locked.has(name) ? lock(value, target) : value.bind(target)
      wrappers.set(name, { value, wrapper })
      return wrapper
    },
    set(target, name, value) {
      return Reflect.set(target, name, value, target)
    },
  })
}

/**
 * Returns whether a Proxy has to return the property as it is.
 *
 * @param {object} target
 * @param {PropertyKey} name
 */
function isFixed(target, name) {
  const own = Reflect.getOwnPropertyDescriptor(target, name)
  return own !== undefined && !own.configurable && !own.writable && 'value' in own
}

module.exports = { sequentialize }
