import { describe, versions } from './report.mjs'

/** @typedef {import('./report.mjs').Results} Results */

/** Less is better in each. */
const PANELS = [
  { title: 'CPU µs of a GET, 64 connections', scenario: 'get', metric: 'cpu', digits: 0 },
  { title: 'CPU µs of a POST, 64 connections', scenario: 'post', metric: 'cpu', digits: 0 },
  { title: 'Added ms, median, one GET at a time', scenario: 'latency', metric: 'addedP50Ms', digits: 2 },
  { title: 'ms from the start to the first answer', scenario: 'start', metric: 'firstAnswerMs', digits: 0 },
  { title: 'Resident MB at rest', scenario: 'memory', metric: 'restMb', digits: 0 },
  { title: 'CPU ms of 1 GiB in one answer', scenario: 'down', metric: 'cpuMs', digits: 0 }
]

const WIDTH = 860
const MARGIN = 24
const GAP = 32
const NAME_WIDTH = 165
const FIGURE_WIDTH = 48
const ROW = 20
const PANEL_HEAD = 30
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2
const BAR_WIDTH = PANEL_WIDTH - NAME_WIDTH - FIGURE_WIDTH

/**
 * What was measured, as bars: an SVG for light and dark pages.
 * @param {Results} results
 */
export function chart (results) {
  const keys = Object.keys(results.peers)
  const panels = PANELS.map(panel => ({ ...panel, bars: barsOf(results, keys, panel) })).filter(({ bars }) => bars.length > 0)
  const rowHeights = [0, 2, 4].map(i => Math.max(0, ...panels.slice(i, i + 2).map(({ bars }) => PANEL_HEAD + ROW * bars.length + GAP / 2)))
  const top = 92
  const height = top + rowHeights.reduce((sum, rowHeight) => sum + rowHeight, 0) + 8
  const drawn = panels.map((panel, i) => {
    const y = top + rowHeights.slice(0, Math.floor(i / 2)).reduce((sum, rowHeight) => sum + rowHeight, 0)
    return draw(panel, MARGIN + i % 2 * (PANEL_WIDTH + GAP), y)
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="13">
  <title id="title">What the sidecar costs, beside its peers</title>
  <desc id="desc">${panels.map(({ title, bars }) => `${title}: ${bars.map(({ name, text }) => `${name} ${text}`).join(', ')}.`).join(' ')}</desc>
  <style>
    .page { fill: #ffffff }
    .ink { fill: #1f2328 }
    .soft { fill: #59636e }
    .peer { fill: #d1d9e0 }
    .ours { fill: #0969da }
    .b { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      .ink { fill: #f0f6fc }
      .soft { fill: #9198a1 }
      .peer { fill: #3d444d }
      .ours { fill: #4493f8 }
    }
  </style>
  <rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
  <text class="ink b" x="${MARGIN}" y="32" font-size="15">What the sidecar costs, beside its peers: less is better</text>
  <text class="soft" x="${MARGIN}" y="52" font-size="11">${escaped(describe(results))}</text>
  <text class="soft" x="${MARGIN}" y="67" font-size="11">${escaped(versions(results))}</text>
${drawn.join('\n')}
</svg>
`
}

/**
 * @param {Results} results
 * @param {readonly string[]} keys
 * @param {typeof PANELS[number]} panel
 */
function barsOf ({ peers, scenarios }, keys, { scenario, metric, digits }) {
  return keys.flatMap(key => {
    const value = scenarios[scenario]?.[key]?.[metric]?.median
    return value === undefined ? [] : [{ name: peers[key]?.name ?? key, isOurs: key === 'sidecar', value, text: value.toFixed(digits) }]
  })
}

/**
 * @param {{ title: string, bars: ReturnType<typeof barsOf> }} panel
 * @param {number} x
 * @param {number} y
 */
function draw ({ title, bars }, x, y) {
  const most = Math.max(...bars.map(({ value }) => value))
  const lines = bars.map(({ name, isOurs, value, text }, i) => {
    const width = Math.max(1, value / most * BAR_WIDTH)
    const weight = isOurs ? ' b' : ''
    return [
      `    <text class="ink${weight}" x="${NAME_WIDTH - 8}" y="${PANEL_HEAD + i * ROW}" text-anchor="end" font-size="12">${escaped(name)}</text>`,
      `    <rect class="${isOurs ? 'ours' : 'peer'}" x="${NAME_WIDTH}" y="${PANEL_HEAD + i * ROW - 11}" width="${width.toFixed(1)}" height="14" rx="2"/>`,
      `    <text class="ink${weight}" x="${(NAME_WIDTH + width + 6).toFixed(1)}" y="${PANEL_HEAD + i * ROW}" font-size="12">${text}</text>`
    ].join('\n')
  })
  return `  <g transform="translate(${x} ${y})">\n    <text class="ink b" x="0" y="8">${escaped(title)}</text>\n${lines.join('\n')}\n  </g>`
}

/** @param {string} text */
function escaped (text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
