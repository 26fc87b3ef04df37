import { bar } from './charts.ts'
import { html, type Html } from './html.ts'
import type { QuotaStatus, RepeatsStatus, Status, TokenStatus, UpstreamStatus } from './status.ts'
import { clockTime, count, counted, duration, explanation, percent, relative, withoutAdvice } from './words.ts'

const TOKEN_STATES = {
  empty: 'None yet',
  fetching: 'Fetching the first one',
  fresh: 'Fresh',
  refreshing: 'Valid, and being refreshed',
  expired: 'Expired, and not sent any more'
} as const satisfies Record<TokenStatus['state'], string>

/** The access token: how long it is good, and when the next one is due. */
export function tokenCard (token: TokenStatus, nowMs: number): Html {
  const { state, expiresAt, refreshesAt, scopes, lastError } = token
  const isValid = expiresAt !== null && state !== 'expired' && Date.parse(expiresAt) > nowMs
  const key = html`<svg class="key" aria-hidden="true"><rect class="mark" x="3" y="0" width="4" height="14" rx="2"/></svg>`
  return card('token', 'Access token', isValid ? `${duration(Date.parse(expiresAt) - nowMs)} left` : TOKEN_STATES[state], html`${lifetimeBar(token, nowMs)}<dl>
${isValid ? row('State', html`${TOKEN_STATES[state]}`) : html``}
${expiresAt === null ? html`` : row(isValid ? 'Valid until' : 'Expired', moment(expiresAt, nowMs))}
${refreshesAt === null ? html`` : row(html`Refresh due${isValid ? key : html``}`, moment(refreshesAt, nowMs))}
${scopes.length === 0 ? html`` : row('Scopes', html`${scopes.join(' ')}`)}
${lastError === null
  ? html``
  : html`${row('Last failure', html`${moment(lastError.at, nowMs)}<br>${withoutAdvice(lastError.detail, lastError.code)} <span class="soft">${lastError.code}</span>`)}
${row('Next try', moment(lastError.nextTryAt, nowMs))}`}
</dl>`)
}

function lifetimeBar ({ issuedAt, refreshesAt, expiresAt }: TokenStatus, nowMs: number): Html {
  if (issuedAt === null || expiresAt === null) return html``
  const [from, until] = [Date.parse(issuedAt), Date.parse(expiresAt)]
  if (!(until > from)) return html``
  const shareAt = (ms: number): number => (ms - from) / (until - from)
  const share = shareAt(nowMs)
  const drawn = bar({
    id: 'lifetime',
    title: 'Lifetime of the token',
    description: `${percent(Math.min(Math.max(share, 0), 1))} of its ${duration(until - from)} have passed.${refreshesAt === null ? '' : ` The mark is where the refresh is due, ${relative(refreshesAt, nowMs)}.`}`,
    share,
    mark: refreshesAt === null ? undefined : shareAt(Date.parse(refreshesAt)),
    tone: share >= 1 ? 'bad' : 'accent'
  })
  return html`${drawn}<p class="axis"><span>issued ${clockTime(issuedAt, nowMs, 'minutes')}</span><span>ends ${clockTime(expiresAt, nowMs, 'minutes')}</span></p>`
}

/** A window that is used up to here is worth a look. */
const NEAR_END = 0.9

/** What the API allows, and how much of it is used. */
export function quotaCard ({ quota, today }: Status, nowMs: number): Html {
  const saved = row('Saved', html`${count(today.saved)} of ${counted(today.requests, 'request')} today <span class="soft">by coalescing and cache</span>`)
  if (quota === null) return card('quota', 'Quota', 'Not known yet', html`<p>The API has not told one yet. It does so with its answers.</p><dl>${saved}</dl>`)
  const { limit, remaining, resetsAt, waiting, fleet } = quota
  const used = Math.max(limit - remaining, 0)
  const share = limit > 0 ? used / limit : 1
  const resetInMs = Date.parse(resetsAt) - nowMs
  return card('quota', 'Quota', `${count(used)} of ${count(limit)} used`, html`${bar({
    id: 'quota-bar',
    title: 'Quota',
    description: `${count(used)} of ${counted(limit, 'request')} of this window are used.`,
    share,
    tone: share >= 1 ? 'bad' : share >= NEAR_END ? 'warning' : 'accent'
  })}<p class="axis"><span>${percent(share)} used</span><span>${count(Math.max(remaining, 0))} left</span></p><dl>
${row('Resets', resetInMs > 0 ? html`in ${count(Math.ceil(resetInMs / 1000))} s <span class="soft">${clockTime(resetsAt, nowMs)}</span>` : html`with the next answer <span class="soft">the window has ended</span>`)}
${row('Waiting', html`${inLanes(waiting)}`)}
${fleet === null ? html`` : row('Shared by', html`${counted(fleet.sidecars, 'sidecar')} <span class="soft">${fleet.isAlone ? 'this one goes alone, on an even share' : 'in one count'}</span>`)}
${saved}
</dl>`)
}

function inLanes (waiting: QuotaStatus['waiting']): string {
  const lanes = [counted(waiting.write, 'write'), counted(waiting.read, 'read'), counted(waiting.list, 'list')].filter(text => !text.startsWith('0 '))
  return lanes.length === 0 ? 'no request' : lanes.join(', ')
}

/** The API, as the sidecar last saw it. */
export function upstreamCard ({ url, lastAnswer, lastFailure }: UpstreamStatus, nowMs: number): Html {
  const headline = lastAnswer === null ? 'Not asked yet' : `Answered ${relative(lastAnswer.at, nowMs)}`
  return card('upstream', 'Bookable API', lastAnswer === null && lastFailure !== null ? 'No answer yet' : headline, html`<dl>
${row('Origin', html`${url}`)}
${row('Last answer', lastAnswer === null ? html`none since the start` : html`${lastAnswer.status} <span class="soft">${clockTime(lastAnswer.at, nowMs)}</span>`)}
${row('Last failure', lastFailure === null
  ? html`none since the start`
  : html`${moment(lastFailure.at, nowMs)}<br>${lastFailure.code === null ? 'An app gave up waiting' : html`${explanation(lastFailure.code)?.title ?? 'Failed'} <span class="soft">${lastFailure.code}</span>`}`)}
</dl>`)
}

/** Writes that were asked for twice; nothing while there were none. */
export function repeatsSection ({ answered, waited, refused, unknown, remembered, running }: RepeatsStatus): Html {
  if (answered + waited + refused + unknown + remembered + running === 0) return html``
  return html`<section class="card" aria-labelledby="repeats"><h2 id="repeats">Asked for twice <span class="soft">${counted(remembered, 'outcome')} remembered, ${count(running)} under way</span></h2><dl class="figures">
${figure('Answered again', answered)}
${figure('Waited for the first', waited)}
${figure('Refused', refused)}
${figure('Unknown', unknown)}
</dl></section>`
}

/** Totals since the start. */
export function countsSection ({ counts, startedAt }: Status, nowMs: number): Html {
  return html`<section class="card" aria-labelledby="counts"><h2 id="counts">Since the start <span class="soft">${relative(startedAt, nowMs)}</span></h2><dl class="figures">
${figure('Requests', counts.requests)}
${figure('In flight now', counts.inFlight)}
${figure('Own errors', counts.ownErrors)}
${figure('5xx of the API', counts.upstreamErrors)}
</dl></section>`
}

function card (id: string, heading: string, headline: string, content: Html): Html {
  return html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${heading}</h2><p class="big">${headline}</p>${content}</section>`
}

function figure (name: string, value: number): Html {
  return html`<div><dt>${name}</dt><dd>${count(value)}</dd></div>`
}

function row (name: string | Html, value: Html): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`
}

function moment (iso: string, nowMs: number): Html {
  return html`${relative(iso, nowMs)} <span class="soft">${clockTime(iso, nowMs)}</span>`
}
