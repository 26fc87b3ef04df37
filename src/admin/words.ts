import { isoTime } from '../clock.ts'
import { PROBLEMS } from '../problem.ts'
import { html, type Html } from './html.ts'

const MINUTE_S = 60
const HOUR_S = 3_600
const DAY_S = 86_400

/** "42 s", "12 min", "3 h 5 min", "4 days 2 h": two units at most, never rounded up, so that nothing seems valid longer than it is. */
export function duration (ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000)
  if (seconds < MINUTE_S) return `${seconds} s`
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min`
  const [big, small] = seconds < DAY_S
    ? [`${Math.floor(seconds / HOUR_S)} h`, `${Math.floor(seconds % HOUR_S / MINUTE_S)} min`]
    : [counted(Math.floor(seconds / DAY_S), 'day'), `${Math.floor(seconds % DAY_S / HOUR_S)} h`]
  return small.startsWith('0 ') ? big : `${big} ${small}`
}

/** "in 42 min", "5 s ago", "now". */
export function relative (iso: string, nowMs: number): string {
  const ms = Date.parse(iso) - nowMs
  if (Number.isNaN(ms)) return 'at an unknown time'
  if (Math.abs(ms) < 1000) return 'now'
  return ms > 0 ? `in ${duration(ms)}` : `${duration(ms)} ago`
}

/** "08:41:12", with the date where it is another day. UTC: without a script the page cannot know the reader's zone. */
export function clockTime (iso: string, nowMs: number, precision: 'minutes' | 'seconds' = 'seconds'): Html {
  const ms = Date.parse(iso)
  if (Number.isNaN(ms)) return html`unknown`
  const [day = '', time = ''] = isoTime(ms).split('T')
  const [today] = isoTime(nowMs).split('T')
  const shown = time.slice(0, precision === 'seconds' ? 8 : 5)
  return html`<time datetime="${iso}">${day === today ? shown : `${day} ${shown}`}</time>`
}

/** "1,284". */
export function count (value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** "1 request", "2,000 requests". */
export function counted (value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** "0.8 ms", "48 ms", "1.2 s". */
export function latency (ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`
}

/** "0.3 %"; a few of very many are not none. */
export function percent (share: number): string {
  if (share > 0 && share < 0.001) return 'under 0.1 %'
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`
}

interface Explanation { readonly title: string, readonly when: string, readonly advice: string }

/** What the table of problems says about a code; undefined for one that it does not know. */
export function explanation (code: string): Explanation | undefined {
  return Object.entries(PROBLEMS).find(([known]) => known === code)?.[1]
}

/** What an operator can do about it: what the table advises apps, unless an operator can do more. */
export function operatorAdvice (code: string): string | undefined {
  if (code === 'TOKEN-R-001') return 'Nothing for a minute: it keeps trying by itself. If it lasts, check BOOKABLE_TOKEN_URL and the network from here.'
  return explanation(code)?.advice
}

/** A problem's detail may end with the advice for apps; here it stands apart. */
export function withoutAdvice (detail: string, code: string): string {
  const advice = explanation(code)?.advice
  return advice !== undefined && detail.endsWith(advice) ? detail.slice(0, -advice.length).trimEnd() : detail
}
