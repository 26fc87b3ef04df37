import type { Dispatcher } from 'undici'
import { Forward } from '../../src/proxy/forward.ts'
import { Governor } from '../../src/quota/governor.ts'
import type { Lane } from '../../src/quota/lanes.ts'
import { Secret } from '../../src/secret.ts'
import type { TokenCache } from '../../src/token/cache.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

export const WINDOW_MS = 60_000
const ATTEMPT_TIMEOUT_MS = 30_000

type Handler = Required<Pick<Dispatcher.DispatchHandler, 'onConnect' | 'onHeaders' | 'onComplete' | 'onError'>>

/** What became of a request of an app. */
export interface Outcome {
  readonly lane: Lane
  readonly askedAtMs: number
  /** 0 while it runs, 499 where the app hung up. */
  status: number
  /** Of the sidecar's own answers. */
  code: string | undefined
  retryAfterMs: number | undefined
  endedAtMs: number
  /** How often the API saw it. */
  sent: number
  hangUp (): void
}

/** How many of them the API served. */
export const servedOf = (asked: readonly Outcome[]): number => asked.filter(({ status }) => status === 200).length

/** An API with true fixed windows on a clock of its own, which may differ from ours, some time away from us. */
export class QuotaWorld {
  readonly clock = new FakeClock()
  readonly governor: Governor
  readonly outcomes: Outcome[] = []
  readonly waits: Array<{ readonly lane: Lane, readonly waitedMs: number }> = []
  limit = 10
  /** How far the API's clock is ahead. */
  skewMs = 0
  /** There and back, each. */
  latencyMs: () => number = () => 20
  /** Takes requests and does not answer. */
  isHanging = false
  /** Nothing can be sent. */
  isUnreachable = false
  /** Of what it serves. */
  status = 200
  /** The headers of an answer, where they are not the usual ones. */
  headers: ((usual: Readonly<Record<string, string>>) => Readonly<Record<string, string>>) | undefined
  /** What the API counted, by window. */
  readonly windows = new Map<number, { served: number, refused: number, foreign: number }>()

  constructor ({ maxWaitMs = 5_000, reserve = 0.1 } = {}) {
    this.governor = new Governor({ clock: this.clock, maxWaitMs, reserve, onWaited: (lane, waitedMs) => this.waits.push({ lane, waitedMs }) })
  }

  /** An app asks. */
  ask (lane: Lane): Outcome {
    const { clock } = this
    const end = (status: number): void => {
      outcome.endedAtMs = clock.monotonicMs()
      outcome.status = status
    }
    const outcome: Outcome = {
      lane,
      askedAtMs: clock.monotonicMs(),
      status: 0,
      code: undefined,
      retryAfterMs: undefined,
      endedAtMs: NaN,
      sent: 0,
      hangUp () {
        forward.abandon()
        end(499)
      }
    }
    this.outcomes.push(outcome)
    let status = 0
    const forward = new Forward({
      clock,
      tokens: { current: () => ({ value: new Secret('token') }), isUsable: () => true } as unknown as TokenCache,
      quota: this.governor,
      pool: { dispatch: (_options: unknown, handler: Handler) => this.#dispatch(handler, outcome) } as unknown as Dispatcher,
      attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
      onAnswer: () => {},
      onWrite: () => {}
    }, { method: lane === 'write' ? 'POST' : 'GET', target: '/venues', lane, headers: [], body: null, refusal: undefined }, {
      onHead: head => { status = head },
      onChunk: () => true,
      onEnd: () => end(status),
      onFailure: problem => {
        outcome.code = problem.code
        outcome.retryAfterMs = problem.retryAfterMs
        end(problem.status)
      }
    })
    forward.start()
    return outcome
  }

  askMany (n: number, lane: Lane): Outcome[] {
    return Array.from({ length: n }, () => this.ask(lane))
  }

  /** Another process of the same client. */
  spendElsewhere (n: number): void {
    this.#window().foreign += n
  }

  /** Of the API's clock. */
  get msToTurn (): number {
    return WINDOW_MS - this.#serverMs() % WINDOW_MS
  }

  /** What the API counted since the start. */
  get refusals (): number {
    return [...this.windows.values()].reduce((sum, { refused }) => sum + refused, 0)
  }

  #serverMs (): number {
    return this.clock.nowMs() + this.skewMs
  }

  #window () {
    const id = Math.floor(this.#serverMs() / WINDOW_MS)
    const known = this.windows.get(id)
    if (known !== undefined) return known
    const window = { served: 0, refused: 0, foreign: 0 }
    this.windows.set(id, window)
    return window
  }

  #dispatch (handler: Handler, outcome: Outcome): boolean {
    let isOver = false
    if (this.isUnreachable) {
      handler.onError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
      return true
    }
    handler.onConnect(error => {
      if (isOver) return
      isOver = true
      handler.onError(error ?? new Error('aborted'))
    })
    outcome.sent++
    this.clock.setTimer(() => {
      const window = this.#window()
      const isAllowed = window.served + window.foreign < this.limit
      if (isAllowed) window.served++
      else window.refused++
      const remaining = Math.max(this.limit - window.served - window.foreign, 0)
      const usual = {
        Date: new Date(this.#serverMs()).toUTCString(),
        'X-RateLimit-Limit': String(this.limit),
        'X-RateLimit-Remaining': String(remaining),
        'X-RateLimit-Reset': String(Math.floor(this.#serverMs() / WINDOW_MS) * 60 + 60)
      }
      const headers = this.headers?.(usual) ?? usual
      const status = isAllowed ? this.status : 429
      if (this.isHanging) return
      this.clock.setTimer(() => {
        if (isOver) return
        isOver = true
        handler.onHeaders(status, Object.entries(headers).flat().map(text => Buffer.from(text)), () => {}, '')
        handler.onComplete([])
      }, this.latencyMs())
    }, this.latencyMs())
    return true
  }
}
