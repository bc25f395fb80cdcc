/** A call to the system, from a log of `strace -f -y`. */
export interface Call {
  name: string
  /** The text between the parentheses. */
  args: string
  /** The result; negative for an error. */
  answer: number
  /** The lines of the log at which it began and had ended: other threads' calls may stand in between. */
  begin: number
  end: number
}

const CALL = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/
const BEGIN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/
const END = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/

export function parseTrace(log: string): Call[] {
  const calls: Call[] = []
  const begun = new Map<string, { args: string; begin: number }>()
  for (const [line, text] of log.split('\n').entries()) {
    const whole = CALL.exec(text)
    const begin = BEGIN.exec(text)
    const end = END.exec(text)
    if (whole) {
      const [, , name, args, answer] = whole as unknown as string[]
      calls.push({ name, args, answer: Number(answer), begin: line, end: line } as Call)
    } else if (begin) {
      begun.set(`${begin[1]} ${begin[2]}`, { args: begin[3] as string, begin: line })
    } else if (end) {
      const first = begun.get(`${end[1]} ${end[2]}`)
      if (first === undefined) throw new Error(`an end without a beginning: ${text}`)
      calls.push({
        name: end[2] as string,
        args: first.args + end[3],
        answer: Number(end[4]),
        begin: first.begin,
        end: line,
      })
    }
  }
  return calls.sort((one, other) => one.end - other.end)
}

/** The text in the `index`-th pair of quotes. */
export function quoted(call: Call, index = 0): string {
  const found = [...call.args.matchAll(/"((?:[^"\\]|\\.)*)"/g)][index]
  if (found === undefined) throw new Error(`no text ${index} in ${call.name}(${call.args})`)
  return (found[1] as string).replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter))
}

/** The path of the file descriptor that is its first argument. */
export function descriptorPath(call: Call): string {
  return /^\d+<([^>]*)>/.exec(call.args)?.[1] ?? ''
}
