import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A certificate and its key, both also as files. */
export interface Identity {
  cert: string
  key: string
  certFile: string
  keyFile: string
}

export interface Wish {
  /** The common name. */
  name?: string
  /** Lines of an extension file; without any, `openssl x509 -req` makes what it makes by default: X.509 version 1. */
  extensions?: string[]
  days?: number
}

const AUTHORITY = 'basicConstraints=critical,CA:TRUE'
/** The names that a server at 127.0.0.1 should have. */
export const SERVER = ['subjectAltName=DNS:localhost,IP:127.0.0.1', 'basicConstraints=CA:FALSE']

/** An authority made by the program openssl, as users make theirs. */
export class Authority {
  private made = 0

  private constructor(
    readonly dir: string,
    readonly cert: string,
  ) {}

  /** In a directory of its own, until `remove`. */
  static async make(name = 'Test authority'): Promise<Authority> {
    const dir = await mkdtemp(join(tmpdir(), 'flowkit-certificates-'))
    // The machine's own configuration may add anything.
    await writeFile(join(dir, 'openssl.cnf'), `[req]\ndistinguished_name=dn\n[dn]\n[authority]\n${AUTHORITY}\n`)
    const authority = new Authority(dir, join(dir, 'ca.crt'))
    await authority.openssl(
      'req',
      '-x509',
      '-extensions',
      'authority',
      ...NEW_KEY,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      ...subject(name),
    )
    return authority
  }

  get pem(): Promise<string> {
    return readFile(this.cert, 'utf8')
  }

  remove(): Promise<void> {
    return rm(this.dir, { recursive: true, force: true })
  }

  async issue({ name = 'localhost', extensions = SERVER, days = 2 }: Wish = {}): Promise<Identity> {
    const { file, read } = this.next()
    await this.openssl('req', '-new', ...NEW_KEY, '-keyout', `${file}.key`, '-out', `${file}.csr`, ...subject(name))
    await writeFile(join(this.dir, `${file}.ext`), extensions.join('\n'))
    const more = extensions.length === 0 ? [] : ['-extfile', `${file}.ext`]
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', String(days)]
    await this.openssl('x509', '-req', '-in', `${file}.csr`, '-out', `${file}.crt`, ...by, ...more)
    return read()
  }

  /** The certificate of the tutorials: one for everything, an authority that signed itself. */
  async selfSigned(days = 2): Promise<Identity> {
    const { file, read } = this.next()
    const extensions = ['-extensions', 'authority', '-addext', SERVER[0] ?? '']
    await this.openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      `${file}.key`,
      '-out',
      `${file}.crt`,
      '-days',
      String(days),
      ...extensions,
      ...subject('localhost'),
    )
    return read()
  }

  /** The same key as PKCS #8 under a passphrase. */
  async encrypt(identity: Identity, passphrase: string): Promise<string> {
    const file = `${identity.keyFile}.encrypted`
    await this.openssl('pkcs8', '-topk8', '-in', identity.keyFile, '-out', file, '-passout', `pass:${passphrase}`)
    return readFile(file, 'utf8')
  }

  private next() {
    const file = `made-${++this.made}`
    const [certFile, keyFile] = [join(this.dir, `${file}.crt`), join(this.dir, `${file}.key`)]
    const read = async (): Promise<Identity> => ({
      cert: await readFile(certFile, 'utf8'),
      key: await readFile(keyFile, 'utf8'),
      certFile,
      keyFile,
    })
    return { file, read }
  }

  private openssl(...args: string[]) {
    return run('openssl', args, { cwd: this.dir, env: { ...process.env, OPENSSL_CONF: join(this.dir, 'openssl.cnf') } })
  }
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes']

function subject(name: string): string[] {
  return ['-subj', `/CN=${name}`]
}
