import { columnChart, lineChart, lineKey } from './charts.ts'
import { html, type Html } from './html.ts'
import type { Minute } from './status.ts'
import { totalOf } from './verdict.ts'
import { clockTime, count, counted, latency, percent } from './words.ts'

/** Fewer errors a minute than this do not fill the chart's height. */
const ERRORS_FLOOR = 5

/** Requests, errors and latency of the last quarter of an hour: three charts, and the same as a table. */
export function minutesSection (minutes: readonly Minute[], nowMs: number): Html {
  return html`<section aria-labelledby="minutes"><h2 id="minutes">Last 15 minutes</h2>
<div class="grid charts">${requestsChart(minutes, nowMs)}${errorsChart(minutes, nowMs)}${latencyChart(minutes, nowMs)}</div>
${table(minutes, nowMs)}</section>`
}

function requestsChart (minutes: readonly Minute[], nowMs: number): Html {
  const { requests } = totalOf(minutes)
  const peak = highest(minutes, ({ requests }) => requests)
  const note = peak === undefined ? 'no app has called' : `at most ${count(peak.requests)} a minute`
  const drawn = columnChart({
    id: 'requests-chart',
    title: 'Requests a minute',
    description: `${counted(requests, 'request')} in the last 15 minutes, ${note}.`,
    points: minutes.map(minute => ({ value: minute.requests, hint: `${minuteOf(minute)} ${counted(minute.requests, 'request')}` })),
    floor: 1,
    tone: 'accent'
  })
  return chartCard('requests', 'Requests', requests === 0 ? 'None' : count(requests), note, drawn, axis(minutes, nowMs))
}

function errorsChart (minutes: readonly Minute[], nowMs: number): Html {
  const { requests, errors } = totalOf(minutes)
  const note = errors === 0 ? 'no request failed' : `${percent(errors / requests)} of the requests`
  const drawn = columnChart({
    id: 'errors-chart',
    title: 'Errors a minute',
    description: `${counted(errors, 'error')} in the last 15 minutes, ${note}.`,
    points: minutes.map(minute => ({ value: minute.errors, hint: `${minuteOf(minute)} ${counted(minute.errors, 'error')}` })),
    floor: ERRORS_FLOOR,
    tone: 'bad'
  })
  return chartCard('errors', 'Errors', errors === 0 ? 'None' : count(errors), note, drawn, axis(minutes, nowMs, html`<span>own, and 5xx of the API</span>`))
}

function latencyChart (minutes: readonly Minute[], nowMs: number): Html {
  // The running minute jumps about; it serves only where there is no full one.
  const measured = minutes.filter(({ p50Ms }) => p50Ms !== null)
  const latest = measured.findLast(minute => minute !== minutes.at(-1)) ?? measured.at(-1)
  const slowest = highest(minutes, ({ p95Ms }) => p95Ms ?? 0)
  const note = latest === undefined ? 'no request to measure' : `median, 95 % below ${shown(latest.p95Ms)}`
  const points = (of: (minute: Minute) => number | null) => minutes.map(minute => ({
    value: of(minute),
    hint: `${minuteOf(minute)} ${minute.p50Ms === null ? 'no request to measure' : `median ${shown(minute.p50Ms)}, 95 % below ${shown(minute.p95Ms)}`}`
  }))
  const drawn = lineChart({
    id: 'latency-chart',
    title: 'Latency by minute',
    description: latest === undefined ? 'No request to measure in the last 15 minutes.' : `Last ${shown(latest.p50Ms)} ${note}. Solid is the median, dashed what 95 % are below. In the slowest minute 95 % were below ${shown(slowest?.p95Ms ?? null)}.`,
    lines: [points(({ p50Ms }) => p50Ms), points(({ p95Ms }) => p95Ms)]
  })
  return chartCard('latency', 'Latency', latest === undefined ? '–' : shown(latest.p50Ms), note, drawn, axis(minutes, nowMs, html`<span>${lineKey('solid')}median ${lineKey('dashed')}95 %</span>`))
}

function chartCard (id: string, heading: string, headline: string, note: string, drawn: Html, axis: Html): Html {
  return html`<section class="card" aria-labelledby="${id}"><h3 id="${id}">${heading}</h3><p class="big">${headline}<span class="soft">${note}</span></p>${drawn}${axis}</section>`
}

function axis ([first]: readonly Minute[], nowMs: number, legend = html``): Html {
  return html`<p class="axis"><span>${first === undefined ? '' : clockTime(first.startsAt, nowMs, 'minutes')}</span>${legend}<span>now</span></p>`
}

function table (minutes: readonly Minute[], nowMs: number): Html {
  const rows = minutes.toReversed().map((minute, i) => html`<tr><th scope="row">${clockTime(minute.startsAt, nowMs, 'minutes')}${i === 0 ? ' so far' : ''}</th><td>${count(minute.requests)}</td><td>${count(minute.errors)}</td><td>${shown(minute.p50Ms)}</td><td>${shown(minute.p95Ms)}</td></tr>
`)
  return html`<details><summary>These minutes as a table</summary><table class="numbers"><thead><tr><th scope="col">Minute (UTC)</th><th scope="col">Requests</th><th scope="col">Errors</th><th scope="col">p50</th><th scope="col">p95</th></tr></thead><tbody>
${rows}</tbody></table></details>`
}

function highest (minutes: readonly Minute[], of: (minute: Minute) => number): Minute | undefined {
  const max = Math.max(0, ...minutes.map(of))
  return max === 0 ? undefined : minutes.find(minute => of(minute) === max)
}

function shown (ms: number | null): string {
  return ms === null ? '–' : latency(ms)
}

function minuteOf ({ startsAt }: Minute): string {
  return `${startsAt.slice(11, 16)} UTC:`
}
