import { html, type Html } from './html.ts'
import type { RecentError } from './status.ts'
import { clockTime, explanation, relative } from './words.ts'

/** Longer ones are whole in `/status` and in the log. */
const MAX_ID_CHARS = 72

/** The last own errors, and what their codes mean. The roles keep it a table where narrow screens lay it out otherwise. */
export function errorsSection (errors: readonly RecentError[], nowMs: number): Html {
  const heading = html`<h2 id="recent">Last own errors</h2>`
  if (errors.length === 0) return html`<section class="card" aria-labelledby="recent">${heading}<p>None since the start.</p></section>`
  return html`<section class="card" aria-labelledby="recent">${heading}
<table class="errors" role="table" aria-labelledby="recent"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time (UTC)</th><th role="columnheader" scope="col">Problem</th><th role="columnheader" scope="col">Status</th><th role="columnheader" scope="col">Request</th><th role="columnheader" scope="col">Correlation id, as in the log</th></tr></thead>
<tbody role="rowgroup">
${errors.map(error => rowOf(error, nowMs))}</tbody></table>
${meanings(errors)}</section>`
}

function rowOf ({ at, code, status, method, route, correlationId }: RecentError, nowMs: number): Html {
  const known = explanation(code)
  const problem = known === undefined ? html`${code}` : html`<a href="#${code}">${code}</a> <span class="soft">${known.title}</span>`
  return html`<tr role="row"><td role="cell">${clockTime(at, nowMs)} <span class="soft">${relative(at, nowMs)}</span></td><td role="cell">${problem}</td><td role="cell"><span class="narrow">Status </span>${status}</td><td role="cell">${method} ${route ?? html`<span class="soft">no route</span>`}</td><td role="cell"><bdi class="id">${cut(correlationId)}</bdi></td></tr>
`
}

function meanings (errors: readonly RecentError[]): Html {
  const codes = [...new Set(errors.map(({ code }) => code))].sort()
  const entries = codes.flatMap(code => {
    const known = explanation(code)
    return known === undefined ? [] : [html`<div id="${code}"><dt>${code} <span class="soft">${known.title}</span></dt><dd>${known.when} <strong>${known.advice}</strong></dd></div>`]
  })
  return entries.length === 0 ? html`` : html`<h3>What these codes mean</h3><dl class="meanings">${entries}</dl>`
}

function cut (id: string): string {
  return id.length > MAX_ID_CHARS ? `${id.slice(0, MAX_ID_CHARS)}…` : id
}
