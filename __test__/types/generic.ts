// Compiled with `--strict`, never run: a storage of states of one's own type.
import {
  type ConversationState,
  CustomStorage,
  FileStorage,
  MemoryStorage,
  RedisStorage,
  SQLiteStorage,
  type StorageAdapter,
  type StoredConversation,
} from '@andresaya/flowkit-storage'

interface OrderState extends ConversationState {
  slots: { items: string[]; total: number }
}

class Orders extends SQLiteStorage<OrderState> {
  override async load(conversationId: string) {
    const state = await super.load(conversationId)
    return state && { ...state, slots: { ...state.slots, total: state.slots.items.length } }
  }
}

export const plain: StorageAdapter[] = [
  new MemoryStorage<OrderState>({ ttl: 60, refreshOnLoad: true, sweep: false, maxConversations: 5, maxBytes: 1e6 }),
  new FileStorage<OrderState>({ dir: 'x', ttl: 60 }),
  new RedisStorage<OrderState>({ ttl: 60, sweep: false }),
  new Orders({ path: 'x', ttl: 60 }) satisfies StorageAdapter,
  new CustomStorage<OrderState>({ read: async () => null, transact: async () => {} }, { ttl: 60 }),
]

export async function use(orders: Orders, any: MemoryStorage): Promise<void> {
  const total: number | undefined = (await orders.load('o'))?.slots.total
  const { state } = await orders.loadEntry('o')
  const items: string[] | undefined = state?.slots.items
  await orders.update('o', (order) => {
    if (order !== null) order.slots.total = (total ?? 0) + (items?.length ?? 0)
  })
  // @ts-expect-error no state of orders
  await orders.save({ ...(await any.load('x')), slots: { items: 5 } })
  for await (const one of orders.list({ prefix: 'o', updatedBefore: 5, limit: 5, signal: AbortSignal.timeout(5) })) {
    const whole: StoredConversation = one
    await orders.touch(whole.id)
  }
  for await (const one of orders.list({ details: false })) {
    // @ts-expect-error ids alone
    console.log(one.id, one.size)
  }
  const { removed, kept, unknown } = await orders.purge({ olderThan: 5, dryRun: true })
  const counted: number = removed + kept + unknown + (await orders.count({ prefix: 'o' }))
  await orders.clear({ prefix: String(counted) })
  await orders.clear({ all: true })
  // @ts-expect-error what has to be said
  await orders.clear({})
  // @ts-expect-error an age has to be said
  await orders.purge({})
}
