import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readlinkSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The calls that can be made to fail, in the order of `enum kind` in `shim/disk.c`. */
export const KINDS = 'open read write sync rename unlink mkdir chmod close stat truncate lock map link'.split(' ')

const SOURCE = fileURLToPath(new URL('../shim/disk.c', import.meta.url))

/** What is no error of the system. */
const NUMBERS = { short: 0, stop: 65_535, 'only read': 65_534 }

/** The words of `struct control`. */
const WORDS = 9
const [SEEN, HITS, HIT] = [6, 7, 8]

/**
 * Compiles the shim into `dir`. The program that is started with the returned environment has it between itself and
 * the C library.
 *
 * @param {string} dir for the compiled shim and its control file
 * @param {string} below the directory on which calls can be made to fail; absolute
 */
export function compileShim(dir, below) {
  const library = join(dir, 'disk.so')
  // A machine that builds Rust has it: Rust links with it.
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, SOURCE, '-ldl'])
  const control = join(dir, 'control')
  writeFileSync(control, Buffer.alloc(WORDS * 4))
  return { LD_PRELOAD: library, FLOWKIT_SHIM_CONTROL: control, FLOWKIT_SHIM_DIR: below }
}

/** The shim of this process, which was started with what `compileShim` returned. */
export class Shim {
  #file = openSync(process.env.FLOWKIT_SHIM_CONTROL, 'r+')
  #dir = process.env.FLOWKIT_SHIM_DIR

  /**
   * From now on calls fail.
   *
   * @param {{ first?: number, count?: number, error?: string, kinds?: string[], delay?: number }} fault the number of the
   *   first call that fails, from 1, and how many fail from there; `error` is a name such as `ENOSPC`, or `short` for a
   *   write or read that moves half of what it should, `stop` for a process that stops once it has a lock, or
   *   `only read` for a file that is only open for reading and cannot be locked
   */
  arm({ first = 1, count = 1, error, kinds = KINDS, delay = 0 }) {
    const mask = kinds.reduce((bits, kind) => bits | (1 << KINDS.indexOf(kind)), 0)
    const number = NUMBERS[error] ?? constants.errno[error]
    this.#write([0, mask, first, count, number, delay, 0, 0, 0])
    this.#write([1])
  }

  /** Ends it. Returns how many calls there were, how many of them failed, and of which kinds. */
  disarm() {
    this.#write([0])
    const bytes = Buffer.alloc(WORDS * 4)
    readSync(this.#file, bytes, 0, bytes.length, 0)
    const word = (index) => bytes.readUInt32LE(index * 4)
    return { seen: word(SEEN), hits: word(HITS), kinds: KINDS.filter((_, index) => word(HIT) & (1 << index)) }
  }

  /** The files below the directory that this process has open. */
  openFiles() {
    return readdirSync('/proc/self/fd').flatMap((name) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${name}`)
        return target.startsWith(`${this.#dir}/`) ? [target] : []
      } catch {
        return [] // The one that listed the directory.
      }
    })
  }

  close() {
    closeSync(this.#file)
  }

  #write(words) {
    writeSync(this.#file, Uint32Array.from(words), 0, words.length * 4, 0)
  }
}
