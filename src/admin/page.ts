import { createHash } from 'node:crypto'
import { isoTime } from '../clock.ts'
import { countsSection, quotaCard, repeatsSection, tokenCard, upstreamCard } from './cards.ts'
import { errorsSection } from './errors.ts'
import { html, Html } from './html.ts'
import { iconLink, toneIcon } from './icons.ts'
import { minutesSection } from './minutes.ts'
import type { Status } from './status.ts'
import { STYLES } from './styles.ts'
import { verdictOf, type Verdict } from './verdict.ts'
import { clockTime, duration } from './words.ts'

const REFRESH_S = 10

/** The headers of the page, the same each time: make them once. */
export function pageHeaders (): Readonly<Record<string, string>> {
  const styleHash = createHash('sha256').update(STYLES).digest('base64')
  return {
    'Content-Type': 'text/html; charset=utf-8',
    // The icon of the tab is a data URL; without one a browser asks for /favicon.ico.
    'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store'
  }
}

/**
 * The status as a page: whether it works in the first line, and below it why. Pure: no I/O, no clock, no script in it.
 * @param isPaused whether it stays as it is (`/?paused`), so that a reader is not torn away (WCAG 2.2.2)
 */
export function renderPage (status: Status, nowMs: number, isPaused = false): string {
  const verdict = verdictOf(status, nowMs)
  const refresh = isPaused
    ? html``
    : html`<meta http-equiv="refresh" content="${REFRESH_S}">
`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${verdict.headline} – bookable-sidecar</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refresh}${iconLink(verdict.tone)}
<style>${new Html(STYLES)}</style>
</head>
<body>
${header(verdict, nowMs, isPaused)}
<main>
<div class="grid cards">${tokenCard(status.token, nowMs)}${quotaCard(status, nowMs)}${upstreamCard(status.upstream, nowMs)}</div>
${minutesSection(status.minutes, nowMs)}
${countsSection(status, nowMs)}
${repeatsSection(status.repeats)}
${errorsSection(status.recentErrors, nowMs)}
</main>
${footer(status, nowMs)}
</body>
</html>
`.markup
}

function header ({ tone, headline, notes }: Verdict, nowMs: number, isPaused: boolean): Html {
  const told = notes.map(({ what, advice }) => html`<p>${what}</p>${advice === undefined ? html`` : html`<p><strong>What to do:</strong> ${advice}</p>`}`)
  const now = clockTime(isoTime(nowMs), nowMs)
  const refresh = isPaused ? html`as of ${now} UTC, paused. <a href="./">Resume</a>` : html`as of ${now} UTC, refreshed every ${REFRESH_S} s. <a href="?paused">Pause</a>`
  return html`<header class="verdict ${tone}-verdict"><div class="told">${toneIcon(tone)}<div><h1>${headline}</h1>${told}</div></div><p class="soft">${refresh}</p></header>`
}

function footer ({ version, uptime, startedAt }: Status, nowMs: number): Html {
  return html`<footer><p>bookable-sidecar ${version}, up ${duration(uptime * 1000)}, since ${clockTime(startedAt, nowMs)}. All times are UTC.</p><nav aria-label="The same for machines"><a href="status">Status as JSON</a> <a href="metrics">Metrics</a> <a href="readyz">Readiness</a></nav></footer>`
}
