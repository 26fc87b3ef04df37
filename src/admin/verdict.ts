import { lowerFirst } from '../printable.ts'
import type { Minute, Status } from './status.ts'
import { counted, duration, explanation, operatorAdvice, relative, withoutAdvice } from './words.ts'

/** The first thing that is read: whether it works, and if not, what to do. */
export interface Verdict {
  readonly tone: 'good' | 'warning' | 'bad' | 'leaving'
  readonly headline: string
  readonly notes: readonly Note[]
}

interface Note {
  readonly what: string
  readonly advice?: string | undefined
}

/** Pure: the same status at the same time gives the same words. */
export function verdictOf (status: Status, nowMs: number): Verdict {
  switch (status.state) {
    case 'draining': return leaving(status)
    case 'not ready': return notReady(status, nowMs)
    case 'ready': return working(status, nowMs)
  }
}

function leaving ({ counts }: Status): Verdict {
  const what = counts.inFlight === 0 ? 'It was asked to stop, and no request is running any more.' : `It was asked to stop, and finishes ${counted(counts.inFlight, 'request')} first.`
  return { tone: 'leaving', headline: 'Shutting down', notes: [{ what, advice: 'Nothing, if you or your orchestrator stopped it. Apps are to connect to another sidecar, or to the next one here.' }] }
}

function notReady ({ problem, token }: Status, nowMs: number): Verdict {
  // Until the first answer nothing has gone wrong, and "unavailable" would be a false alarm.
  if (token.lastError === null && token.state === 'fetching') {
    return {
      tone: 'warning',
      headline: 'Not ready: waiting for the first token',
      notes: [{ what: 'The token endpoint was asked and has not answered yet.', advice: 'Wait some seconds. If it lasts, check BOOKABLE_TOKEN_URL and the network.' }]
    }
  }
  if (problem === null) return { tone: 'bad', headline: 'Not ready', notes: [{ what: 'There is no usable token.' }] }
  const title = explanation(problem.code)?.title ?? problem.code
  const what = withoutAdvice(problem.detail, problem.code)
  const next = token.lastError === null || Date.parse(token.lastError.nextTryAt) <= nowMs ? 'It keeps trying by itself.' : `It tries again by itself ${relative(token.lastError.nextTryAt, nowMs)}.`
  return {
    tone: 'bad',
    headline: `Not ready: ${lowerFirst(title)}`,
    notes: [{ what: `${what} Apps get ${problem.code} until a token comes. ${next}`, advice: operatorAdvice(problem.code) }]
  }
}

function working (status: Status, nowMs: number): Verdict {
  const [first, ...more] = [refreshWarning(status, nowMs), upstreamWarning(status, nowMs), quotaWarning(status, nowMs), redisWarning(status, nowMs), errorWarning(status)].filter(found => found !== undefined)
  if (first !== undefined) return { tone: 'warning', headline: `Working, but ${first.but}`, notes: [first, ...more] }
  const { expiresAt } = status.token
  const token = expiresAt === null ? 'a token' : `a token that is valid for another ${duration(Date.parse(expiresAt) - nowMs)}`
  return { tone: 'good', headline: 'Working', notes: [{ what: `Requests go to ${status.upstream.url} with ${token}.` }] }
}

interface Warning extends Note { readonly but: string }

function refreshWarning ({ token: { lastError, expiresAt } }: Status, nowMs: number): Warning | undefined {
  if (lastError === null) return undefined
  const left = expiresAt === null ? '' : ` The current token serves for another ${duration(Date.parse(expiresAt) - nowMs)}; after that apps get ${lastError.code}.`
  return { but: 'the token cannot be refreshed', what: `${withoutAdvice(lastError.detail, lastError.code)}${left}`, advice: operatorAdvice(lastError.code) }
}

function upstreamWarning ({ upstream: { url, lastAnswer, lastFailure } }: Status, nowMs: number): Warning | undefined {
  if (lastFailure === null || (lastAnswer !== null && Date.parse(lastAnswer.at) >= Date.parse(lastFailure.at))) return undefined
  const why = lastFailure.code === null ? 'an app gave up waiting' : `${lastFailure.code}, ${lowerFirst(explanation(lastFailure.code)?.title ?? 'it failed')}`
  return {
    but: 'the API does not answer',
    what: `The last request to it failed ${relative(lastFailure.at, nowMs)} (${why}), and none has been answered since.`,
    advice: `Check the network from here to ${url}; if that is well, ask Bookable.`
  }
}

function quotaWarning ({ quota }: Status, nowMs: number): Warning | undefined {
  if (quota === null || quota.remaining > 0 || Date.parse(quota.resetsAt) <= nowMs) return undefined
  return {
    but: 'the quota is spent',
    what: `All ${counted(quota.limit, 'request')} of this window are used. The next one starts ${relative(quota.resetsAt, nowMs)}; until then requests wait, or apps get 429.`,
    advice: 'Wait. If it happens often, look which app asks so much, or ask Bookable for a higher limit.'
  }
}

function redisWarning ({ redis, quota }: Status, nowMs: number): Warning | undefined {
  if (redis === null || redis.reason === null) return undefined
  return {
    but: 'without Redis',
    what: `Redis went out of use ${relative(redis.since, nowMs)} (${redis.reason}: ${redis.detail}). This sidecar goes on by itself${quota === null || quota.fleet === null ? '' : ', with an even share of the quota'}.`,
    advice: 'Look at Redis. The sidecar comes back to it by itself.'
  }
}

/** Fewer failures than this may be chance. */
const MIN_ERRORS = 3

function errorWarning ({ minutes }: Status): Warning | undefined {
  const { requests, errors } = totalOf(minutes.slice(-2))
  if (errors < MIN_ERRORS || errors * 2 < requests) return undefined
  return {
    but: 'most requests fail',
    what: `${errors} of the last ${counted(requests, 'request')} failed: in the sidecar, with 5xx from the API, or because the API kept an app waiting.`,
    advice: 'Look at the errors below; what the API answered is in the log under the correlation id.'
  }
}

/** Sums of some minutes. */
export function totalOf (minutes: readonly Minute[]): { readonly requests: number, readonly errors: number } {
  return {
    requests: minutes.reduce((sum, { requests }) => sum + requests, 0),
    errors: minutes.reduce((sum, { errors }) => sum + errors, 0)
  }
}
