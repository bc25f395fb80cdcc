// A line chart as SVG: both axes logarithmic, readable in light and dark, without a library.

const WIDTH = 900
const HEIGHT = 360
const PLOT = { left: 70, top: 44, right: 500, bottom: 310 }
/** Okabe and Ito's colours, which colour-blind people can tell apart, without the yellow. */
const COLOURS = ['#888888', '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00']
const STYLE = `
  svg { background: #ffffff; color: #1f2328; font: 13px system-ui, sans-serif }
  text { fill: currentColor } .rule { stroke: currentColor; opacity: 0.15 } .title { font-weight: 600 }
  @media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3 } }`

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** 1,500 as `1.5k`. */
function short(value) {
  for (const [unit, name] of /** @type {const} */ ([
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ])) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${name}`
  }
  return String(Number(value.toPrecision(3)))
}

/** From the power of ten below to the one above. */
function decades(values) {
  const from = Math.floor(Math.log10(Math.min(...values)))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))))
  return { from, to, ticks: Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index)) }
}

/**
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.x what the horizontal axis says
 * @param {string} chart.y what the vertical axis says
 * @param {(value: number) => string} [chart.label] how a value of the horizontal axis is written
 * @param {{ name: string, points: [number, number][] }[]} chart.lines points of positive numbers
 */
export function lineChart({ title, x, y, label = short, lines }) {
  const drawn = lines.filter(({ points }) => points.length > 0)
  const xs = [...new Set(drawn.flatMap(({ points }) => points.map(([value]) => value)))].sort((a, b) => a - b)
  const vertical = decades(drawn.flatMap(({ points }) => points.map(([, value]) => value)))
  const span = Math.log(xs[xs.length - 1] / xs[0]) || 1
  const atX = (value) => PLOT.left + ((PLOT.right - PLOT.left) * Math.log(value / xs[0])) / span
  const atY = (value) =>
    PLOT.bottom - ((PLOT.bottom - PLOT.top) * (Math.log10(value) - vertical.from)) / (vertical.to - vertical.from)
  const place = ([a, b]) => [atX(a).toFixed(1), atY(b).toFixed(1)]
  const parts = [`<text class="title" x="16" y="24">${escaped(title)}</text>`]
  for (const tick of vertical.ticks) {
    const height = atY(tick).toFixed(1)
    parts.push(`<line class="rule" x1="${PLOT.left}" x2="${PLOT.right}" y1="${height}" y2="${height}"/>`)
    parts.push(`<text x="${PLOT.left - 8}" y="${height}" dy="4" text-anchor="end">${short(tick)}</text>`)
  }
  for (const value of xs) {
    parts.push(`<text x="${atX(value).toFixed(1)}" y="${PLOT.bottom + 20}" text-anchor="middle">${label(value)}</text>`)
  }
  parts.push(`<text x="${PLOT.right}" y="${PLOT.bottom + 40}" text-anchor="end">${escaped(x)}</text>`)
  parts.push(`<text x="${PLOT.left}" y="${PLOT.bottom + 40}">vertical: ${escaped(y)}</text>`)
  for (const [index, { name, points }] of drawn.entries()) {
    const colour = COLOURS[index % COLOURS.length]
    const path = points.map((point) => place(point).join(',')).join(' ')
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const point of points) {
      const [left, top] = place(point)
      parts.push(`<circle cx="${left}" cy="${top}" r="3.5" fill="${colour}"/>`)
    }
    const top = PLOT.top + 10 + index * 22
    parts.push(`<circle cx="${PLOT.right + 20}" cy="${top}" r="5" fill="${colour}"/>`)
    parts.push(`<text x="${PLOT.right + 32}" y="${top}" dy="4">${escaped(name)}</text>`)
  }
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" ${size}><title>${escaped(title)}</title><style>${STYLE}</style>\n${parts.join('\n')}\n</svg>\n`
}
