import type { Redis } from 'ioredis'

import type { TcpProxy } from './proxy.js'
import type { RedisServer } from './redis-server.js'
import { each, type RedisSubject } from './redis-subjects.js'
import { sleep } from './waiting.js'

/** A server, a line to it that can be cut, and storages on clients that talk over it. */
export interface World {
  server: RedisServer
  proxy: TcpProxy
  subjects: RedisSubject[]
  /** The longest time for which the server is stopped or cut off, in ms. */
  longest: number
  random(): number
  /** A connection past the line. */
  tell<T>(say: (redis: Redis) => Promise<T>): Promise<T>
}

/** The user whose password and permissions are changed; the administrator is the default user, who needs none. */
export const USER = { username: 'bot', password: 'correct-horse' }

/** Something that goes wrong, and is over when `strike` resolves. */
export interface Fault {
  name: string
  strike(world: World): Promise<void>
}

const DENIED = 'ERR_STORAGE_DENIED'

/** From 0.2 s up to the world's longest, more often short. */
const aWhile = ({ random, longest }: World) => sleep(200 + random() ** 2 * (longest - 200))

/** Ends the connections for which `choose` returns true. */
async function cutOff({ tell }: World, choose: (line: string) => boolean): Promise<void> {
  await tell(async (redis) => {
    const lines = ((await redis.client('LIST')) as string).trim().split('\n')
    for (const line of lines.filter((one) => one.includes(`user=${USER.username}`) && choose(one))) {
      // It may have ended by itself.
      await redis.client('KILL', 'ID', Number(/id=(\d+)/.exec(line)?.[1])).catch(() => {})
    }
  })
}

/** The clients' own connections have the clients' names. Every other one of this user is ours. */
const isClients = ({ subjects }: World, line: string) => subjects.some(({ name }) => line.includes(` name=${name} `))

/** While `change` holds, refusals are right: until every conversation goes on again. */
async function refusing(world: World, change: () => Promise<void>, back: () => Promise<void>): Promise<void> {
  const excuses = world.subjects.map(({ history }) => {
    const excuse = { code: DENIED, from: history.now(), to: Number.POSITIVE_INFINITY }
    history.excused.push(excuse)
    return excuse
  })
  await change()
  await aWhile(world)
  await back()
  await each(world.subjects, ({ conversations }) => conversations.goOn(2))
  world.subjects.forEach(({ history }, index) => {
    const excuse = excuses[index]
    if (excuse !== undefined) excuse.to = history.now()
  })
}

const setUser = ({ tell }: World, ...rules: string[]) =>
  tell(async (redis) => void (await redis.acl('SETUSER', USER.username, ...rules)))

const configure = ({ tell }: World, name: string, value: string | number) =>
  tell(async (redis) => void (await redis.config('SET', name, value)))

/** The bytes that a stretch of network loses are lost with their connection: TCP leaves none out. */
async function interrupt(world: World, keep: boolean, end: 'mend' | 'drop'): Promise<void> {
  world.proxy.cut(keep)
  await aWhile(world)
  world.proxy[end]()
}

export const FAULTS: Fault[] = [
  {
    name: 'the server is killed and starts again',
    async strike({ server, random }) {
      await server.kill()
      await sleep(random() * 400)
      await server.restart()
    },
  },
  { name: "the clients' connections are killed", strike: (world) => cutOff(world, (line) => isClients(world, line)) },
  { name: 'all other connections are killed', strike: (world) => cutOff(world, (line) => !isClients(world, line)) },
  { name: 'all connections are killed', strike: (world) => cutOff(world, () => true) },
  {
    name: 'the server stands still',
    async strike(world) {
      world.server.process.kill('SIGSTOP')
      await aWhile(world)
      world.server.process.kill('SIGCONT')
    },
  },
  { name: 'the line stalls', strike: (world) => interrupt(world, true, 'mend') },
  { name: 'the line stalls and breaks', strike: (world) => interrupt(world, true, 'drop') },
  { name: 'the line swallows and breaks', strike: (world) => interrupt(world, false, 'drop') },
  {
    name: 'the server has too many clients',
    async strike(world) {
      // One connection for all of this: no other could be opened.
      await world.tell(async (redis) => {
        await redis.config('SET', 'maxclients', 1)
        await cutOff({ ...world, tell: (say) => say(redis) }, () => true)
        await aWhile(world)
        await redis.config('SET', 'maxclients', 10_000)
      })
    },
  },
  {
    name: 'the password is another',
    async strike(world) {
      const change = async () => {
        await setUser(world, 'resetpass', '>battery-staple')
        await cutOff(world, () => true)
      }
      await refusing(world, change, () => setUser(world, 'resetpass', `>${USER.password}`))
    },
  },
  {
    name: 'the password is another, and the client knows',
    async strike(world) {
      for (const password of ['battery-staple', USER.password]) {
        await setUser(world, `>${password}`)
        for (const { client } of world.subjects) client.options.password = password
        await setUser(world, 'resetpass', `>${password}`)
        await cutOff(world, () => true)
        await each(world.subjects, ({ conversations }) => conversations.goOn(2))
      }
    },
  },
  {
    name: 'writing is forbidden',
    strike: (world) =>
      refusing(
        world,
        () => setUser(world, '-@write'),
        () => setUser(world, '+@all'),
      ),
  },
  {
    name: 'the server is a replica for a while',
    async strike(world) {
      // Of nobody: nothing is listening there.
      await world.tell((redis) => redis.replicaof('127.0.0.1', 1))
      await aWhile(world)
      await world.tell((redis) => redis.replicaof('NO', 'ONE'))
    },
  },
  {
    name: 'the server is out of memory',
    async strike(world) {
      await configure(world, 'maxmemory', 1)
      await aWhile(world)
      await configure(world, 'maxmemory', 0)
    },
  },
  {
    name: 'the client selects another database, and the first one again',
    async strike({ subjects, random }) {
      // Back again before a connection breaks: what is called while it reconnects, ioredis sends to the first database.
      for (const database of [1 + Math.floor(random() * 5), 0]) {
        await each(subjects, (subject: RedisSubject) =>
          subject.conversations.meanwhile(async () => {
            await subject.client.select(database)
            subject.history.place = `${database}/`
          }),
        )
        await each(subjects, ({ conversations }) => conversations.goOn(3))
      }
    },
  },
]
