/**
 * What this package calls on a Redis client: `Redis` and `Cluster` of ioredis 5 and 6, the clients of node-redis 5 and 6,
 * ioredis-mock, or anything else with these methods.
 */
export interface RedisClient {
  /** `GET key`. Resolves with the text, or `null`. */
  get(key: string): Promise<unknown>
  /** `SET key value EX seconds`, in this order; a client that has `setEx(key, seconds, value)` is asked that instead. */
  set(key: string, value: string, ...options: never[]): Promise<unknown>
  /** `DEL key`. */
  del(key: string): Promise<unknown>
}

/** A client that has `setex` and no `set`: enough where every conversation expires. */
interface RedisSetexClient {
  /** `GET key`. Resolves with the text, or `null`. */
  get(key: string): Promise<unknown>
  /** `SETEX key seconds value`. */
  setex(key: string, seconds: number, value: string): Promise<unknown>
  /** `DEL key`. */
  del(key: string): Promise<unknown>
}

/** What {@link RedisStorage} takes, whatever it reaches the server by. */
interface RedisCommonOptions {
  /**
   * What stands before the conversation id in each key.
   *
   * @default "flowkit:"
   */
  prefix?: string | undefined
  /**
   * Seconds until a conversation expires, counted anew at each save. 0 for never.
   *
   * @default 86400
   */
  ttl?: number | undefined
}

/** The user's own client. It has its own address, credentials and database, and is never closed or reconfigured. */
interface RedisClientOptions extends RedisCommonOptions {
  /** An ioredis client, or any other with the methods of {@link RedisClient}. Its `keyPrefix` and `db` are honoured. */
  client: RedisClient | RedisSetexClient
  /**
   * Milliseconds until an operation that the client has not answered rejects with `ERR_STORAGE_TIMEOUT`. The default is
   * longer than ioredis itself tries.
   *
   * @default 90000
   */
  timeout?: number | undefined
  /**
   * `"auto"` sends operations on a plain ioredis client over a connection of our own beside it, to the server that it is
   * connected to at that moment, wherever that is possible. `"inline"` sends everything through the client's own methods,
   * where instrumentation of ioredis sees it.
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
 * How a connection of our own is encrypted: what `tls.connect` of Node.js and ioredis take, as far as it is named here.
 * TLS 1.2 and 1.3 are spoken. Certificates have to be of X.509 version 3 with a `subjectAltName`; a common name does not
 * count, which is stricter than Node.js.
 */
export interface RedisTlsOptions {
  /**
   * Certificates to trust, in PEM form (several may follow each other) or as DER: the authority's, or the server's own
   * where it signed itself.
   *
   * @default those that Node.js trusts, `NODE_EXTRA_CA_CERTS` included
   */
  ca?: string | Uint8Array | (string | Uint8Array)[] | undefined
  /** Our own certificate, where the server wants one, followed by its intermediates. In PEM form; goes with `key`. */
  cert?: string | Uint8Array | (string | Uint8Array)[] | undefined
  /** The key of `cert`, in PEM form and not encrypted. Stands in no error message. */
  key?: string | Uint8Array | (string | Uint8Array)[] | undefined
  /**
   * The name that the server's certificate has to be for, also told to the server (SNI).
   *
   * @default the host
   */
  servername?: string | undefined
  /**
   * `false` accepts any certificate, so that anybody on the way can read and change everything.
   *
   * @default true, unless the environment says `NODE_TLS_REJECT_UNAUTHORIZED=0`
   */
  rejectUnauthorized?: boolean | undefined
  /** Nothing else is taken. */
  minVersion?: 'TLSv1.2' | undefined
  /** Nothing else is taken. */
  maxVersion?: 'TLSv1.3' | undefined
}

/** A connection of our own, opened at the first operation. */
interface RedisOwnOptions extends RedisCommonOptions {
  client?: undefined
  timeout?: undefined
  mode?: undefined
  /** For servers with access control lists. */
  username?: string | undefined
  /** Stands in no error message. */
  password?: string | undefined
  /**
   * The logical database: a number, or its digits as an environment variable holds them.
   *
   * @default 0
   */
  db?: number | string | undefined
  /**
   * Whether and how the connection is encrypted.
   *
   * @default false; true for a `rediss:` URL
   */
  tls?: boolean | RedisTlsOptions | undefined
}

interface RedisUrlOptions extends RedisOwnOptions {
  /** `redis://user:password@host:port/db`, or `rediss:` for TLS, `unix:/path/to/socket?db=1`, or the absolute path of a socket. */
  url?: string | undefined
  host?: undefined
  port?: undefined
  path?: undefined
}

interface RedisHostOptions extends RedisOwnOptions {
  /**
   * A name or an address.
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
 * default, so that one can be read from the environment.
 */
export type RedisStorageOptions = RedisClientOptions | RedisUrlOptions | RedisHostOptions | RedisPathOptions

// Only what says `export` is exported.
export {}
