import type { LoggerOptions } from './logger-types.js'
import type { RetentionOptions } from './retention-types.js'
import type { SnapshotOptions } from './snapshot-types.js'

/**
 * The methods that this package calls on a Redis client: `Redis` and `Cluster` of ioredis 5 and 6, the clients of node-redis 5 and 6,
 * ioredis-mock, iovalkey, `@upstash/redis`, or anything else with these methods.
 */
export interface RedisClient {
  /** Sends `GET key`. Resolves to the text, to its bytes, to what `JSON.parse` makes of it, or to `null`. */
  get(key: string): Promise<unknown>
  /**
   * Sends `SET key value EX seconds`, with `'EX'` and the seconds as third and fourth argument. If the client has
   * `setex(key, seconds, value)` or `setEx`, that is called instead, except on ioredis. Without expiry it is `set(key, value)`.
   */
  set(key: string, value: string, ...options: never[]): Promise<unknown>
  /** Sends `DEL key`. Is given one key, as text. */
  del(key: string): Promise<unknown>
  /**
   * Sends `EVAL`, with the script, the number of keys, the keys and the arguments, as ioredis has it. The clients of node-redis
   * have their own way. Without it there are no locks and no conditional writes. The key of a lock is a `Buffer`.
   */
  eval?(script: string, ...args: never[]): Promise<unknown>
}

/** `GlideClient` and `GlideClusterClient` of Valkey GLIDE. */
interface RedisGlideClient {
  /** Sends `GET key`. Resolves to the text, to its bytes, or to `null`. */
  get(key: string): Promise<unknown>
  /** Sends `SET key value EX seconds`. The third argument is `{ expiry: { type: 'EX', count: seconds } }`. */
  set(key: string, value: string, ...options: never[]): Promise<unknown>
  /** Sends `DEL key`. Is given a list of one key. */
  del(keys: string[]): Promise<unknown>
  /** Sends `EVAL`, for locks and conditional writes. It also tells this client from others. */
  customCommand(args: string[]): Promise<unknown>
}

/** A client that has `setex` and no `set`. That is enough if every conversation expires. */
interface RedisSetexClient {
  /** Sends `GET key`. Resolves to the text, or `null`. */
  get(key: string): Promise<unknown>
  /** Sends `SETEX key seconds value`. */
  setex(key: string, seconds: number, value: string): Promise<unknown>
  /** Sends `DEL key`. */
  del(key: string): Promise<unknown>
}

/** The options of {@link RedisStorage} that do not depend on how it reaches the server. */
interface RedisCommonOptions extends LoggerOptions, RetentionOptions, SnapshotOptions {
  /**
   * The text before the conversation id in each key.
   *
   * @default "flowkit:"
   */
  prefix?: string | undefined
  /**
   * Seconds until a conversation expires. Each save and each `touch` starts them anew. 0 for never.
   *
   * @default 86400
   */
  ttl?: number | undefined
}

/** The user's own client. It has its own address, credentials and database, and is never closed or reconfigured. */
interface RedisClientOptions extends RedisCommonOptions {
  /** An ioredis client, or any other with the methods of {@link RedisClient}. Its `keyPrefix` and `db` are honoured. */
  client: RedisClient | RedisSetexClient | RedisGlideClient
  /**
   * Milliseconds until an operation rejects with `ERR_STORAGE_TIMEOUT` if the client has given no reply. The default is
   * longer than ioredis itself tries.
   *
   * @default 90000
   */
  timeout?: number | undefined
  /**
   * `"auto"` sends operations over a second connection beside a plain ioredis client, wherever that is possible. It goes to
   * the server that the client is connected to at that moment. `"inline"` sends everything through the client's own
   * methods, where instrumentation of ioredis sees it.
   *
   * @default "auto"
   */
  mode?: 'auto' | 'inline' | undefined
  url?: undefined
  host?: undefined
  port?: undefined
  path?: undefined
  username?: undefined
  password?: undefined
  db?: undefined
  tls?: undefined
}

/**
 * How the storage's own connection is encrypted. These are the options of `tls.connect` and ioredis, as far as they are
 * named here. TLS 1.2 and 1.3 are spoken. Certificates have to be of X.509 version 3 with a `subjectAltName`. A common name
 * does not count, which is stricter than Node.js.
 */
export interface RedisTlsOptions {
  /**
   * Certificates to trust, in PEM form (several may follow each other) or as DER: the authority's, or the server's own
   * if that is self-signed.
   *
   * @default those that Node.js trusts, `NODE_EXTRA_CA_CERTS` included
   */
  ca?: string | Uint8Array | (string | Uint8Array)[] | undefined
  /** The client certificate, if the server wants one, followed by its intermediates. In PEM form; goes with `key`. */
  cert?: string | Uint8Array | (string | Uint8Array)[] | undefined
  /** The key of `cert`, in PEM form and not encrypted. Appears in no error message. */
  key?: string | Uint8Array | (string | Uint8Array)[] | undefined
  /**
   * The name that the server's certificate has to be for. It is also sent to the server (SNI).
   *
   * @default the host
   */
  servername?: string | undefined
  /**
   * `false` accepts any certificate, so an attacker on the way can read and change everything.
   *
   * @default true, unless the environment says `NODE_TLS_REJECT_UNAUTHORIZED=0`
   */
  rejectUnauthorized?: boolean | undefined
  /** No other value is accepted. */
  minVersion?: 'TLSv1.2' | undefined
  /** No other value is accepted. */
  maxVersion?: 'TLSv1.3' | undefined
}

/** A connection of the storage's own, opened at the first operation. */
interface RedisOwnOptions extends RedisCommonOptions {
  client?: undefined
  timeout?: undefined
  mode?: undefined
  /** The user's name, for servers with access control lists. */
  username?: string | undefined
  /** Appears in no error message. */
  password?: string | undefined
  /**
   * The logical database: a number, or its digits as an environment variable holds them.
   *
   * @default 0
   */
  db?: number | string | undefined
  /**
   * `true`, or how the connection is encrypted.
   *
   * @default false; true for a `rediss:` URL
   */
  tls?: boolean | RedisTlsOptions | undefined
}

interface RedisUrlOptions extends RedisOwnOptions {
  /**
   * `redis://user:password@host:port/db`, or `rediss:` for TLS, `unix:/path/to/socket?db=1`, or the absolute path of a socket.
   * The parameters `family` (0, 4, 6) and `protocol` (2, 3) are accepted, and change nothing.
   */
  url?: string | undefined
  host?: undefined
  port?: undefined
  path?: undefined
}

interface RedisHostOptions extends RedisOwnOptions {
  /**
   * A name or an IP address, without the port. An IPv6 address may stand in brackets.
   *
   * @default "127.0.0.1"
   */
  host?: string | undefined
  /**
   * A number, or its digits as an environment variable holds them.
   *
   * @default 6379
   */
  port?: number | string | undefined
  url?: undefined
  path?: undefined
}

interface RedisPathOptions extends RedisOwnOptions {
  /** The path of a Unix socket. */
  path?: string | undefined
  url?: undefined
  host?: undefined
  port?: undefined
}

/**
 * A `client`, or where to connect: one of `url`, `host` with `port`, and `path`. An option that is `undefined` means its
 * default, so it can be read from the environment.
 */
export type RedisStorageOptions = RedisClientOptions | RedisUrlOptions | RedisHostOptions | RedisPathOptions

// Without this line, declarations without `export` would be exported, too.
export {}
