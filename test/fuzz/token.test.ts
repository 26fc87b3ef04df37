import type { Socket } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { Problem } from '../../src/problem.ts'
import { Secret } from '../../src/secret.ts'
import { parseTokenResponse, type AccessToken } from '../../src/token/access-token.ts'
import { TokenCache } from '../../src/token/cache.ts'
import { createTokenEndpoint } from '../../src/token/endpoint.ts'
import { createFetchJson } from '../../src/upstream/fetch-json.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { startTcpServer } from '../helpers/servers.ts'
import { hasControls } from './answers.ts'
import { holds } from './runs.ts'
import { SECRET, tokenAnswer, tokenJson, type TokenAnswer } from './token-answers.ts'

const TEN_YEARS_MS = 10 * 365 * 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000
const BUFFER_MS = 60_000

type Outcome = AccessToken | Problem

/** What is wrong with what became of a token answer: either a token that can be used, or a problem that can be shown. */
function faultsOf (outcome: Outcome): string[] {
  if (!(outcome instanceof Problem)) {
    const { value, lifetimeMs } = outcome
    return [
      ...(lifetimeMs >= 1_000 && lifetimeMs <= TEN_YEARS_MS ? [] : [`a lifetime of ${lifetimeMs} ms`]),
      ...(/^[\x21-\x7e]+$/.test(value.reveal()) ? [] : ['a token that no header may carry'])
    ]
  }
  const { code, message, retryAfterMs } = outcome
  return [
    ...(/^TOKEN-/.test(code) ? [] : [`${code}: ${message}`]),
    ...(hasControls(message) ? ['a message with controls'] : []),
    ...(message.length <= 250 ? [] : [`a message of ${message.length} characters`]),
    ...(message.includes(SECRET) ? ['a message with the secret'] : []),
    ...(retryAfterMs === undefined || (retryAfterMs > 0 && retryAfterMs <= HOUR_MS) ? [] : [`a retry after ${retryAfterMs} ms`])
  ]
}

/** What a cache does that always gets this outcome: when it means to ask next, and whether it does. */
async function faultsOfCache (outcome: Outcome, random: number): Promise<string[]> {
  const clock = new FakeClock()
  const nextInMs: number[] = []
  const faults: string[] = []
  let requests = 0
  const cache = new TokenCache({
    clock,
    random: () => random,
    expiryBufferMs: BUFFER_MS,
    waitMs: 5_000,
    source: {
      async requestToken () {
        requests++
        if (outcome instanceof Problem) throw outcome
        return outcome
      },
      haveCredentialsChanged: () => false
    },
    onRefreshed: (_token, { refreshInMs }) => {
      nextInMs.push(refreshInMs)
      if (!(refreshInMs >= 400 && refreshInMs <= TEN_YEARS_MS)) faults.push(`refreshes in ${refreshInMs} ms`)
    },
    onFailed: (_problem, { retryInMs }) => {
      nextInMs.push(retryInMs)
      if (!(retryInMs > 0 && retryInMs <= HOUR_MS)) faults.push(`tries again in ${retryInMs} ms`)
    }
  })
  cache.start()
  await settle()
  if (clock.pendingTimers !== 1) faults.push(`${clock.pendingTimers} timers`)
  const next = nextInMs[0] ?? NaN
  // Such a wait would never end here; it is a fault already.
  if (faults.length === 0) {
    await clock.advanceMs(next - 1)
    if (requests !== 1) faults.push('asked too early')
    await clock.advanceMs(1)
    if (requests !== 2) faults.push('did not ask again in time')
  }
  cache.stop()
  return faults
}

/** Writes an answer as a slow or broken server would. */
async function write (socket: Socket, { pieces, ending }: TokenAnswer): Promise<void> {
  for (const piece of pieces) {
    if (socket.writable) socket.write(piece)
    await settle()
  }
  if (ending === 'end') socket.end()
  else if (ending === 'reset') socket.resetAndDestroy()
}

const random = fc.double({ min: 0.01, max: 1, noNaN: true })

t.test('whatever JSON a token endpoint answers is a token that can be used or a problem that can be shown, and the cache goes on', { timeout: 600_000 }, async t => {
  await holds(t, 600, fc.asyncProperty(tokenJson, random, fc.integer({ min: 0, max: 2 ** 41 }), async (json, random, sentAtMs) => {
    const outcome = attempt(() => parseTokenResponse(json, sentAtMs))
    const faults = [...faultsOf(outcome), ...await faultsOfCache(outcome, random)]
    if (faults.length > 0) throw new Error(faults.join('\n'))
    return true
  }))
})

t.test('whatever bytes a token endpoint answers, slowly, broken or never, are a token that can be used or a problem that can be shown', { timeout: 600_000 }, async t => {
  let next: TokenAnswer = { pieces: [], ending: 'end' }
  const origin = await startTcpServer(t, socket => { socket.once('data', () => { void write(socket, next) }) })
  await holds(t, 150, fc.asyncProperty(tokenAnswer, random, async (answer, random) => {
    next = answer
    const clock = new FakeClock()
    const endpoint = createTokenEndpoint({
      clock,
      fetchJson: createFetchJson({ clock, connectTimeoutMs: 5_000, proxyFor: () => undefined, stop: new AbortController().signal }),
      config: {
        url: new URL(`${origin}/oauth/token`), format: 'json', audience: undefined, scope: undefined, timeoutMs: 10_000, readCredentials: () => ({ clientId: new Secret('me'), clientSecret: new Secret(SECRET) })
      }
    })
    const asked = endpoint.requestToken().catch(asOutcome)
    if (answer.ending === 'hang') await clock.runUntil(asked)
    const outcome = await asked
    const faults = [...faultsOf(outcome), ...(clock.pendingTimers === 0 ? [] : ['a timer is left']), ...await faultsOfCache(outcome, random)]
    if (faults.length > 0) throw new Error(faults.join('\n'))
    return true
  }))
})

function attempt (work: () => AccessToken): Outcome {
  try {
    return work()
  } catch (error) {
    return asOutcome(error)
  }
}

function asOutcome (error: unknown): Problem {
  if (error instanceof Problem) return error
  throw new Error('threw something else than a Problem', { cause: error })
}
