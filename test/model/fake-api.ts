import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Clock, Timer } from '../../src/clock.ts'
import type { Connection } from '../../src/upstream/pool.ts'

/** What the API does with the requests that reach it from now on. */
export type ApiBehaviour =
  | 'ok' | 'spent' | 'soon spent' | 'busy' | 'too many' | 'too large' | 'unauthorized' | 'forbidden' | 'error' | 'slow' | 'hangs' | 'refuses' | 'drops' | 'breaks amid the head' | 'breaks amid the body' | 'silent amid the body'

/** A request that reached the API. */
export interface Arrival {
  readonly id: string
  readonly method: string
  readonly authorization: string
  /** Answered with 401 or 429: the API did not act. */
  wasRefused: boolean
  /** What the API made of it. */
  readonly behaviour: ApiBehaviour
  /** When it was over, on the monotonic clock, and whether the whole answer went out. */
  ended: { readonly atMs: number, readonly isWhole: boolean } | undefined
}

type Handler = Required<Pick<Dispatcher.DispatchHandler, 'onConnect' | 'onHeaders' | 'onData' | 'onComplete' | 'onError'>> & {
  connection: Connection | undefined
  onResponseStarted (): void
}

/** What an API can do with a request that has arrived whole. */
interface Moves {
  readonly later: (ms: number, act: () => void) => void
  readonly head: (status: number) => void
  readonly answer: (status: number, headers?: readonly string[], body?: string) => void
  readonly reset: () => void
  readonly handler: Handler
}

const CONNECT_MS = 20
const ANSWER_MS = 50
const SLOW_MS = 20_000

/** The network and the API behind undici's own dispatch interface, on a fake clock: connections, a queue for them, and failures. */
export class FakeApi {
  behaviour: ApiBehaviour = 'ok'
  readonly arrivals: Arrival[] = []
  /** Looks at each arrival, at its moment. */
  onArrival: (arrival: Arrival) => void = () => {}
  readonly #clock: Clock
  readonly #connections: number
  readonly #queue: Array<() => void> = []
  #busy = 0
  #kept = 0

  constructor (clock: Clock, connections: number) {
    this.#clock = clock
    this.#connections = connections
  }

  /** The pool, as far as an attempt uses it. */
  get dispatcher (): Dispatcher {
    const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean => {
      this.#take(() => this.#connect(options, handler as Handler))
      return true
    }
    return { dispatch } as unknown as Dispatcher
  }

  get openConnections (): number {
    return this.#busy
  }

  #take (start: () => void): void {
    if (this.#busy === this.#connections) {
      this.#queue.push(start)
      return
    }
    this.#busy++
    start()
  }

  #free (isKept: boolean): void {
    if (isKept) this.#kept++
    this.#busy--
    const next = this.#queue.shift()
    if (next !== undefined) this.#take(next)
  }

  #connect (options: Dispatcher.DispatchOptions, handler: Handler): void {
    const isReused = this.#kept > 0
    if (isReused) this.#kept--
    const { behaviour } = this
    this.#clock.setTimer(() => {
      if (behaviour === 'refuses' && !isReused) {
        this.#free(false)
        handler.onError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
        return
      }
      handler.connection = { use: () => isReused }
      this.#send(options, handler)
    }, isReused ? 0 : CONNECT_MS)
  }

  #send ({ method, headers, body }: Dispatcher.DispatchOptions, handler: Handler): void {
    const { behaviour } = this
    const flat = headers as readonly string[]
    const value = (name: string): string => flat[flat.indexOf(name) + 1] ?? ''
    const arrival: Arrival = {
      id: value('X-Correlation-ID'), method, authorization: value('Authorization'), wasRefused: false, behaviour, ended: undefined
    }
    let timer: Timer | undefined
    let isOver = false
    const over = (isKept: boolean, tell: () => void): void => {
      if (isOver) return
      isOver = true
      arrival.ended = { atMs: this.#clock.monotonicMs(), isWhole: isKept }
      timer?.cancel()
      this.#free(isKept)
      tell()
    }
    const fail = (error: Error): void => over(false, () => handler.onError(error))
    try {
      handler.onConnect(error => fail(error ?? new Error('aborted')))
    } catch (error) {
      over(true, () => handler.onError(error as Error))
      return
    }
    const number = this.arrivals.push(arrival)
    this.onArrival(arrival)

    const later = (ms: number, act: () => void): void => { timer = this.#clock.setTimer(() => { if (!isOver) act() }, ms) }
    const head = (status: number, headers: readonly string[] = []): void => {
      handler.onResponseStarted()
      handler.onHeaders(status, [...this.#quotaHeaders(behaviour, status), ...headers.map(text => Buffer.from(text))], () => {}, '')
    }
    // Which request it was an answer to, for those who share it.
    const answer: Moves['answer'] = (status, headers, body = `answer ${number} to ${arrival.id}.`) => {
      arrival.wasRefused = status === 401 || status === 429
      head(status, headers)
      handler.onData(Buffer.from(body))
      over(true, () => handler.onComplete([]))
    }
    const reset = (): void => fail(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    const respond = (): void => this.#respond(arrival, { later, head, answer, reset, handler })
    if (body instanceof Readable) body.on('end', respond).on('error', fail).resume()
    else respond()
  }

  /** An API without a quota names none; the windows of the other are minutes of the wall clock. */
  #quotaHeaders (behaviour: ApiBehaviour, status: number): Buffer[] {
    if (behaviour !== 'spent' && behaviour !== 'soon spent') return []
    const nowMs = this.#clock.nowMs()
    const headers = {
      Date: new Date(nowMs).toUTCString(), 'X-RateLimit-Limit': '5', 'X-RateLimit-Remaining': status === 429 ? '0' : '1', 'X-RateLimit-Reset': String(Math.floor(nowMs / 60_000) * 60 + 60)
    }
    return Object.entries(headers).flat().map(text => Buffer.from(text))
  }

  #respond ({ behaviour, id }: Arrival, { later, head, answer, reset, handler }: Moves): void {
    switch (behaviour) {
      case 'ok':
      case 'refuses': return later(ANSWER_MS, () => answer(200))
      case 'soon spent': return later(ANSWER_MS, () => answer(200))
      case 'spent': return later(ANSWER_MS, () => answer(429))
      case 'busy': return later(ANSWER_MS, () => answer(503, ['Content-Type', 'application/problem+json'], `{"isRetryable":true,"detail":"answer to ${id}."}`))
      case 'too many': return later(ANSWER_MS, () => answer(429))
      case 'too large': return later(ANSWER_MS, () => answer(200, [], 'x'.repeat(64 * 1024 + 1)))
      case 'unauthorized': return later(ANSWER_MS, () => answer(401))
      case 'forbidden': return later(ANSWER_MS, () => answer(403))
      case 'error': return later(ANSWER_MS, () => answer(500))
      case 'slow': return later(SLOW_MS, () => answer(200))
      case 'hangs': return
      case 'drops': return later(ANSWER_MS, reset)
      case 'breaks amid the head': return later(ANSWER_MS, () => {
        handler.onResponseStarted()
        reset()
      })
      case 'breaks amid the body': return later(ANSWER_MS, () => {
        head(200)
        handler.onData(Buffer.from('bo'))
        later(ANSWER_MS, reset)
      })
      case 'silent amid the body': return later(ANSWER_MS, () => {
        head(200)
        handler.onData(Buffer.from('bo'))
      })
    }
  }
}
