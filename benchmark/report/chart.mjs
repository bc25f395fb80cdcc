// Draws the main-thread time of a turn by the length of the history, as SVG.
import { labelOf } from './turns.mjs'

const WIDTH = 760
const HEIGHT = 460
const LEFT = 64
const RIGHT = 250
const TOP = 40
const BOTTOM = 52
const KIB = 1024

const COLOURS = {
  v8: '#555555',
  map: '#b07aa1',
  memory: '#d62728',
  upsert: '#9c755f',
  path: '#1f77b4',
  ioredis: '#edc948',
  host: '#2ca02c',
}

/** Returns a function from a value to its place between `start` and `end`; both scales are logarithmic. */
function scale(values, start, end) {
  const [least, most] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))]
  return (value) => start + ((Math.log(value) - least) / (most - least || 1)) * (end - start)
}

/** @param {any[]} cells those of one Node.js */
export function drawTurns(cells) {
  const plain = cells.filter(({ engine }) => engine === 'append')
  const chains = Math.max(...plain.map((cell) => cell.chains))
  const lines = plain
    .filter((cell) => cell.chains === chains)
    .flatMap(({ size, results }) => results.map((side) => ({ size, side, main: side.figures.main })))
  const names = [...new Set(lines.map(({ side }) => side.subject))]
  const ticks = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
  const x = scale(
    lines.map(({ size }) => size),
    LEFT,
    WIDTH - RIGHT,
  )
  const values = lines.map(({ main }) => main)
  const y = scale([...values, 5], HEIGHT - BOTTOM, TOP)
  const text = (left, top, words, more = '') =>
    `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${more}>${words}</text>`
  const parts = [text(LEFT, 22, `Main-thread microseconds of a turn, ${chains} in flight`, 'font-weight="bold"')]
  for (const tick of ticks.filter((tick) => tick <= Math.max(...values))) {
    parts.push(`<path d="M${LEFT} ${y(tick).toFixed(1)}H${WIDTH - RIGHT}" stroke="#dddddd"/>`)
    parts.push(text(LEFT - 8, y(tick) + 4, tick.toLocaleString('en-US'), 'text-anchor="end"'))
  }
  for (const size of new Set(lines.map((line) => line.size))) {
    parts.push(text(x(size), HEIGHT - BOTTOM + 20, `${size / KIB} KB`, 'text-anchor="middle"'))
  }
  parts.push(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, 'state, nearly all of it history', 'text-anchor="middle"'))
  const ends = []
  for (const name of names) {
    const own = lines.filter(({ side }) => side.subject === name).sort((a, b) => a.size - b.size)
    const points = own.map(({ size, main }) => `${x(size).toFixed(1)} ${y(main).toFixed(1)}`)
    const colour = COLOURS[name]
    parts.push(`<path d="M${points.join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const point of points) {
      const [left, top] = point.split(' ')
      parts.push(`<circle cx="${left}" cy="${top}" r="3" fill="${colour}"/>`)
    }
    const last = own.at(-1)
    ends.push({ label: labelOf(last.side).replaceAll('**', ''), colour, top: y(last.main) + 4 })
  }
  // Labels that would lie on each other move down.
  ends.sort((a, b) => a.top - b.top)
  let least = 0
  for (const { label, colour, top } of ends) {
    const place = Math.max(top, least)
    least = place + 16
    parts.push(text(WIDTH - RIGHT + 10, place, label, `fill="${colour}"`))
  }
  const frame = `xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12"`
  return `<svg ${frame}>\n<title>Main-thread time of a turn by the length of the history</title>\n<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>\n${parts.join('\n')}\n</svg>\n`
}
