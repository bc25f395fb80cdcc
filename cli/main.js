#!/usr/bin/env node
'use strict'

/** @import { ParseArgsConfig } from 'node:util' */

const { existsSync, readdirSync } = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { CliError, EXIT, OutputClosed, usageError } = require('./failure.js')
const { closest } = require('../lib/options.js')
const { Output } = require('./output.js')
const { cut, printable } = require('./text.js')

/**
 * The arguments of a command, and its ways out.
 *
 * @typedef {object} Context
 * @property {string[]} positionals the arguments behind the command's name
 * @property {any} values the options
 * @property {InstanceType<typeof Output>} out for data
 * @property {InstanceType<typeof Output>} err for everything else
 * @property {AbortSignal} signal aborted by Ctrl+C, and if nobody reads the data any more
 *
 * @typedef {object} Command
 * @property {string} summary
 * @property {string} usage
 * @property {NonNullable<ParseArgsConfig['options']>} options
 * @property {(context: Context) => Promise<number>} run returns the exit code
 */

const COMMANDS = path.join(__dirname, 'commands')

const HELP = `Looks after the conversations that @andresaya/flowkit-storage keeps.

Usage: flowkit-storage COMMAND STORE [options]

Commands:
%COMMANDS%

STORE is one of
  ./data                                a directory of files
  file:./data?extension=.json           the same, with an option
  ./bot.db  sqlite:./bot.db?table=t     an SQLite database
  redis://user@host:6379/0?prefix=p     a Redis server; rediss: with TLS
  unix:/run/redis.sock                  the same, through a socket
  env:NAME                              what the environment variable NAME says,
                                        so that no process list has a password

"--" ends the options: flowkit-storage show ./data -- --an-id
"flowkit-storage COMMAND --help" says more about a command.

Exit codes: 0 done, 1 failed, 2 usage, 3 differences or problems found,
4 partly done, 130 interrupted.
`

function names() {
  return readdirSync(COMMANDS)
    .filter((name) => name.endsWith('.js'))
    .map((name) => name.slice(0, -3))
    .sort()
}

/**
 * @param {string} name
 * @returns {Command}
 */
function find(name) {
  if (!names().includes(name)) {
    const close = closest(name, names())
    const hint = close === undefined ? '"flowkit-storage --help" lists them.' : `Did you mean "${close}"?`
    throw usageError(`There is no command "${printable(name.slice(0, 40))}". ${hint}`)
  }
  return require(path.join(COMMANDS, `${name}.js`))
}

function help() {
  const lines = names().map((name) => `  ${name.padEnd(9)}${find(name).summary}`)
  return HELP.replace('%COMMANDS%', () => lines.join('\n'))
}

/** @param {string} name */
function helpOn(name) {
  const { summary, usage } = find(name)
  return `${summary}\n\n${usage.trim()}\n`
}

/**
 * @param {Command} command
 * @param {string[]} args
 */
function parse({ options }, args) {
  try {
    return parseArgs({ args, options: { ...options, help: { type: 'boolean', short: 'h' } }, allowPositionals: true })
  } catch (error) {
    // Others are bugs.
    if (!String(/** @type {any} */ (error).code).startsWith('ERR_PARSE_ARGS_')) throw error
    const [reason = ''] = /** @type {Error} */ (error).message.split(/\.(?: |$)/, 1)
    throw usageError(`${cut(printable(reason), 200)}. An argument that begins with "-" goes behind "--".`)
  }
}

/**
 * @param {string[]} argv
 * @param {Pick<Context, 'out' | 'err' | 'signal'>} context
 */
async function dispatch(argv, context) {
  const [name, ...args] = argv
  if (name === undefined) {
    await context.err.write(help())
    return EXIT.usage
  }
  if (name === '--version' || name === '-v') {
    await context.out.line(require('../package.json').version)
    return EXIT.done
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    const [about] = args
    await context.out.write(about === undefined ? help() : helpOn(about))
    return EXIT.done
  }
  const command = find(name)
  const { values, positionals } = parse(command, args)
  if (values.help) {
    await context.out.write(helpOn(name))
    return EXIT.done
  }
  return command.run({ ...context, values, positionals })
}

/**
 * Says what went wrong, in one line. Returns the exit code.
 *
 * @param {any} error
 * @param {string | undefined} name of the command
 * @param {Pick<Context, 'out' | 'err' | 'signal'>} context
 */
async function report(error, name, { err, signal }) {
  if (error instanceof OutputClosed || signal.reason instanceof OutputClosed) return EXIT.done
  if (signal.aborted) {
    await err.line('Interrupted.')
    return EXIT.interrupted
  }
  const isOurs = error instanceof CliError || error?.name === 'StorageError' || error?.code === 'ERR_STORAGE_LOAD'
  await err.line(`${err.style('red', 'Error:')} ${printable(String(error?.message ?? error))}`)
  const exitCode = error instanceof CliError ? error.exitCode : EXIT.failed
  if (exitCode === EXIT.usage && existsSync(path.join(COMMANDS, `${name}.js`))) {
    await err.line(`"flowkit-storage ${name} --help" shows how it is used.`)
  }
  if (!isOurs)
    await err.line(
      printable(
        String(error?.stack ?? '')
          .split('\n')
          .slice(1, 4)
          .join('\n')
          .trim(),
      ),
    )
  return exitCode
}

async function main() {
  const abort = new AbortController()
  const out = new Output(process.stdout, process.env, () => abort.abort(new OutputClosed()))
  const err = new Output(process.stderr, process.env)
  const context = { out, err, signal: abort.signal }
  process.on('SIGINT', () => {
    // Asked again, it ends at once. Every write is atomic.
    if (abort.signal.aborted) process.exit(EXIT.interrupted)
    abort.abort(new CliError('Interrupted.', EXIT.interrupted))
  })
  const argv = process.argv.slice(2)
  // Until it is known: a process that ends while a command still waits must not look as if all were done.
  process.exitCode = EXIT.failed
  try {
    process.exitCode = await dispatch(argv, context)
    await out.flush()
  } catch (error) {
    try {
      // What was found before the error is data, too.
      await out.flush()
    } catch {}
    try {
      process.exitCode = await report(error, argv[0], context)
      await err.flush()
    } catch {
      // Nobody reads what went wrong. The exit code tells.
      process.exitCode ||= EXIT.failed
    }
  }
  await err.flush().catch(() => {})
}

main()
