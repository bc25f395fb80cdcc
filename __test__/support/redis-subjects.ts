import { randomUUID } from 'node:crypto'
import type { ClusterNode, ClusterOptions, RedisOptions } from 'ioredis'
import { Cluster as Cluster5, Redis as Ioredis5 } from 'ioredis'
import { Cluster as Cluster6, Redis as Ioredis6 } from 'ioredis6'
import { onTestFinished } from 'vitest'

import { type RedisClient, RedisStorage } from '../../index.js'
import { check, type Violation } from './checker.js'
import { type Conversations, converse, type Manner } from './conversations.js'
import { History } from './history.js'
import { PATIENT_CLUSTER } from './redis-cluster.js'

/** Options that decide how operations travel. */
const TRAVELS: { name: string; options: object }[] = [
  { name: '', options: {} },
  { name: '-inline', options: { mode: 'inline' } },
]

// The two majors agree on all that is used here.
const MAJORS = [
  { name: 'ioredis-5', Redis: Ioredis5, Cluster: Cluster5 },
  { name: 'ioredis-6', Redis: Ioredis6 as unknown as typeof Ioredis5, Cluster: Cluster6 as unknown as typeof Cluster5 },
]

/** A storage on a client of one major, with conversations of its own and what was seen of them. */
export interface Subject<Client> {
  name: string
  client: Client
  storage: RedisStorage
  /** Of its keys, on a server that it may share with others. */
  prefix: string
  history: History
  conversations: Conversations
}

export type RedisSubject = Subject<Ioredis5>
export type ClusterSubject = Subject<Cluster5>

export interface SubjectManner extends Manner {
  /** The storage's option, in ms. */
  timeout: number
  /** Puts an object that the user wrote between storage and client. It is no ioredis client any more, so that nothing travels otherwise. */
  wrap?: (client: Ioredis5 | Cluster5) => RedisClient
  /** Tells subjects from others on the same server. */
  suffix?: string
}

/** `name` is the client's `connectionName` too. */
export function redisSubjects(options: (name: string) => RedisOptions, manner: SubjectManner): RedisSubject[] {
  return subjects((major, name) => new major.Redis({ ...options(name), connectionName: name }), manner)
}

export function clusterSubjects(
  nodes: ClusterNode[],
  options: ClusterOptions,
  manner: SubjectManner,
): ClusterSubject[] {
  return subjects((major) => new major.Cluster(nodes, { ...PATIENT_CLUSTER, ...options }), manner)
}

function subjects<Client extends Ioredis5 | Cluster5>(
  open: (major: (typeof MAJORS)[number], name: string) => Client,
  { timeout, wrap, suffix = '', ...manner }: SubjectManner,
): Subject<Client>[] {
  const travels = wrap === undefined ? TRAVELS : [{ name: '', options: {} }]
  return MAJORS.flatMap((major) =>
    travels.map((travel) => {
      const name = major.name + travel.name + suffix
      const client = open(major, name)
      // Otherwise an error would end the process. The storage has to report what concerns it.
      client.on('error', () => {})
      const prefix = `${name}:${randomUUID()}:`
      const given = wrap === undefined ? client : wrap(client)
      const storage = new RedisStorage({ client: given, prefix, timeout, ...travel.options })
      const history = new History()
      const conversations = converse(storage, history, manner)
      // Those of a test that failed would take the processor from the tests behind it.
      onTestFinished(() => conversations.end(0))
      return { name, client, storage, prefix, history, conversations }
    }),
  )
}

/** Does something with all of them at the same time. */
export async function each<Client, Result>(
  all: Subject<Client>[],
  work: (subject: Subject<Client>) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(all.map(work))
}

/** Ends the conversations and compares with what lies in the store, as `read` finds it by other means. */
export async function conclude<Client extends Ioredis5 | Cluster5>(
  { name, client, storage, prefix, history, conversations }: Subject<Client>,
  read: (key: string) => Promise<string | null>,
): Promise<{ name: string; violations: Violation[]; counts: { [outcome: string]: number } }> {
  await conversations.end()
  for (const id of ids(history)) history.found(id, await read(prefix + id))
  await storage.close()
  client.disconnect()
  return { name, violations: check(history).slice(0, 20), counts: history.counts() }
}

/** Of the conversations in the history's present place. */
export function ids({ records, place }: History): string[] {
  return [...records.keys()].filter((name) => name.startsWith(place)).map((name) => name.slice(place.length))
}
