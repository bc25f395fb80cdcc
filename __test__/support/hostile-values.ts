import { runInNewContext } from 'node:vm'
import fc from 'fast-check'

// biome-ignore lint/suspicious/noExplicitAny: whatever JavaScript allows
export type Anything = any

/**
 * How to make a value. It is made twice: once to find out what it means, once for the adapter, since some of them are
 * different each time they are read.
 *
 * @param reenter called by values that do something of their own while they are read
 */
export type Recipe = (reenter: () => undefined) => Anything

const boom = () => {
  throw new Error('boom')
}

/** A Proxy around `target` of which one trap does something unexpected. */
function trapped(target: object, trap: keyof ProxyHandler<object>, act: () => Anything): Anything {
  return new Proxy(target, { [trap]: act })
}

/** Values that no program should give, and some does. */
function oddValues(): Recipe[] {
  return [
    () => undefined,
    () => null,
    () => Number.NaN,
    () => 10n,
    () => Symbol('s'),
    () => () => 'x',
    () => new String('boxed'),
    () => new (class Text extends String {})('subclassed'),
    () => Object.create(null),
    () => new Map([['conversationId', 'x']]),
    () => new Date(Number.NaN),
    () => new Uint8Array(4),
    // With holes.
    () => Object.assign(Array(4), { 0: 1, 3: 2 }),
    () => Object.assign([], { 4000000: 1 }).slice(0, 5),
    () => 'x'.repeat(5_000_000),
    () => '\uD800',
    () => JSON.parse('{"__proto__":{"conversationId":"victim"},"constructor":null}'),
    () => runInNewContext('({ conversationId: "other realm", list: [1], when: new Date(0) })'),
    () => runInNewContext('new Proxy({}, { get() { throw new TypeError("other realm") } })'),
    () => {
      const circle: Anything = {}
      circle.circle = circle
      return circle
    },
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
    () => Object.defineProperty({}, 'x', { enumerable: true, get: boom }),
    () => ({ toJSON: boom }),
    () => ({ toJSON: () => undefined }),
    () => {
      const own: Anything = { toJSON: () => own }
      return own
    },
    (reenter) => ({ toJSON: () => reenter() ?? { reentered: true } }),
    (reenter) => Object.defineProperty({}, 'late', { enumerable: true, get: () => reenter() ?? 1 }),
    // biome-ignore lint/suspicious/noThenProperty: a thenable
    () => ({ then: (resolve: (value: unknown) => void) => resolve('then') }),
    // biome-ignore lint/suspicious/noThenProperty: a thenable
    () => ({ then: boom }),
    () => trapped({ a: 1 }, 'get', boom),
    () => trapped({ a: 1 }, 'ownKeys', boom),
    () => trapped({ a: 1 }, 'ownKeys', () => ['a', 'a']),
    () => trapped({ a: 1 }, 'getOwnPropertyDescriptor', boom),
    () => trapped({ a: 1 }, 'getPrototypeOf', boom),
    () => {
      let nested: Anything = []
      for (let depth = 0; depth < 2_000; depth++) nested = [nested]
      return nested
    },
  ]
}

/** Any of them, or something ordinary. */
export function anyValue(): fc.Arbitrary<Recipe> {
  return fc.oneof(
    fc.constantFrom(...oddValues()),
    fc.jsonValue().map(
      (value): Recipe =>
        () =>
          value,
    ),
  )
}

/** The white space that may stand around the members of a state. */
type Wrap = (state: Anything, other: string) => Anything

const WRAPS: Wrap[] = [
  (state) => state,
  (state) => Object.freeze(state),
  (state) => Object.assign(Object.create(null), state),
  (state) => Object.create(state),
  (state) => new Proxy(state, {}),
  (state) => runInNewContext('Object.assign({}, state)', { state }),
  (state, other) => ({ ...state, toJSON: () => ({ ...state, conversationId: other }) }),
  (state) => ({ ...state, toJSON: () => ({ before: 1, ...state }) }),
  (state) => ({ ...state, toJSON: () => JSON.stringify(state) }),
  (state) => ({ slots: 1, ...state }),
  // Returns another id each time it is asked.
  (state, other) => {
    let asked = 0
    return Object.defineProperty({ ...state }, 'conversationId', {
      enumerable: true,
      get: () => (asked++ % 2 === 0 ? state.conversationId : other),
    })
  },
  (state, other) => {
    let asked = 0
    return new Proxy(state, {
      get: (target, name) => (name === 'conversationId' && asked++ > 0 ? other : Reflect.get(target, name)),
    })
  },
  (state) => Object.defineProperty({ ...state }, 'conversationId', { enumerable: false, value: state.conversationId }),
]

/** A state of `id`, or what looks like one and names `other` when it is looked at again. */
export function anyState(id: Recipe, other: string): fc.Arbitrary<Recipe> {
  const members = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('slots', 'toJSON', 'then', 'constructor')),
    anyValue(),
    {
      maxKeys: 3,
    },
  )
  return fc.tuple(members, fc.constantFrom(...WRAPS)).map(
    ([recipes, wrap]): Recipe =>
      (reenter) => {
        const state: Anything = { conversationId: id(reenter) }
        for (const [name, recipe] of Object.entries(recipes))
          if (name !== 'conversationId') state[name] = recipe(reenter)
        return wrap(state, other)
      },
  )
}
