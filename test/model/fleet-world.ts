import type { AnswerSink } from '../../src/answer.ts'
import type { Clock, Timer } from '../../src/clock.ts'
import { Problem } from '../../src/problem.ts'
import type { RedisHome } from '../../src/redis/home.ts'
import { REDIS_LIMITS_MS } from '../../src/redis/limit.ts'
import { RedisAway } from '../../src/redis/trouble.ts'
import { MemoryStore } from '../../src/repeats/memory-store.ts'
import { RecordSeal } from '../../src/repeats/record-seal.ts'
import { RedisRepeatStore } from '../../src/repeats/redis-store.ts'
import { Repeats } from '../../src/repeats/repeats.ts'
import type { StartableCall } from '../../src/repeats/seat.ts'
import { Secret } from '../../src/secret.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { FakeRedis } from './fake-redis.ts'

/** What comes of a request: `unsent` fails before it leaves, `busy` says that nothing was done. */
export type Fate = 'ok' | 'busy' | 'unauthorized' | 'hangs' | 'breaks' | 'unsent'

const NOT_BOOKED: ReadonlySet<Fate> = new Set(['busy', 'unauthorized'])
const ANSWER_MS = 50
const TIMEOUT_MS = 30_000
const DAY_MS = 86_400_000
const SEAL = new RecordSeal({ clientId: new Secret('id'), clientSecret: new Secret('obviously-fake'), apiUrl: new URL('http://api') })

/** The time of one process, which may be stopped or dead: what falls due meanwhile waits, or never comes. */
class PodClock implements Clock {
  isPaused = false
  isDead = false
  readonly #clock: Clock
  #due: Array<() => void> = []

  constructor (clock: Clock) {
    this.#clock = clock
  }

  nowMs (): number {
    return this.#clock.nowMs()
  }

  monotonicMs (): number {
    return this.#clock.monotonicMs()
  }

  setTimer (callback: () => void, delayMs: number): Timer {
    let isCancelled = false
    const act = (): void => { if (!isCancelled && !this.isDead) callback() }
    const timer = this.#clock.setTimer(() => {
      if (this.isPaused) this.#due.push(act)
      else act()
    }, delayMs)
    return {
      cancel () {
        isCancelled = true
        timer.cancel()
      }
    }
  }

  resume (): void {
    this.isPaused = false
    const due = this.#due
    this.#due = []
    for (const act of due) act()
  }
}

interface Pod { readonly clock: PodClock, readonly repeats: Repeats, readonly redis: { level: 'up' | 'away' } }
interface App { readonly id: string, readonly key: string, readonly pod: Pod, readonly call: StartableCall, hasLeft: boolean, ends: number, body: string, code: string | undefined, endedAtMs: number }
interface Arrival { readonly key: string, readonly fate: Fate, isOver: boolean }

/**
 * Two sidecars, the real modules but for Redis and the way to the API, on one fake clock. What must hold, unless a sidecar went alone since its
 * Redis was away: nothing is sent while an earlier one with its key may have been carried out, nor after others were told that nobody knows of it.
 */
export class FleetWorld {
  readonly clock = new FakeClock()
  readonly violations: string[] = []
  fate: Fate = 'ok'
  /** Until a request leaves: it waits for a token, its turn, a connection. */
  waitMs = 0
  /** Of Redis, there and back. */
  redisMs = 1
  /** Nothing happened of which a fleet may lose sight. */
  isCalm = true
  readonly #redis = new FakeRedis(() => this.clock.nowMs())
  readonly #pods: Pod[]
  readonly #apps: App[] = []
  readonly #arrivals: Arrival[] = []
  readonly #alone = new Set<string>()

  constructor () {
    this.#pods = [this.#startPod(), this.#startPod()]
  }

  book (pod: number, key: string): void {
    const at = this.#pods[pod]
    // Nobody is served by one that stands still.
    if (at === undefined || at.clock.isPaused) return
    if (at.redis.level === 'away') this.#alone.add(key)
    const id = `app-${this.#apps.length}`
    const told = { ends: 0, body: '', code: undefined as string | undefined, endedAtMs: Infinity }
    const { clock } = this
    const sink: AnswerSink = {
      onHead: () => {},
      onChunk (chunk) {
        told.body += String(chunk)
        return true
      },
      onEnd: () => { told.ends++ },
      onFailure ({ code }) {
        told.code = code
        told.endedAtMs = clock.monotonicMs()
        told.ends++
      }
    }
    const request = { method: 'POST', target: '/venues/1/booking', headers: [], body: null }
    const call = at.repeats.call(key, request, sink, ({ refusal }, sink) => this.#line(at, key, id, refusal, sink))
    this.#apps.push(Object.assign(told, { id, key, pod: at, call, hasLeft: false }))
    call.start()
  }

  leave (n: number): void {
    const waiting = this.#apps.filter(({ ends, hasLeft, pod }) => ends === 0 && !hasLeft && !pod.clock.isPaused && !pod.clock.isDead)
    const app = waiting[n % Math.max(waiting.length, 1)]
    if (app === undefined) return
    app.hasLeft = true
    app.call.abandon()
  }

  crash (pod: number): void {
    this.isCalm = false
    const old = this.#pods[pod]
    if (old !== undefined) old.clock.isDead = true
    this.#pods[pod] = this.#startPod()
  }

  pause (pod: number, ms: number): void {
    const clock = this.#pods[pod]?.clock
    if (clock === undefined || clock.isPaused) return
    this.isCalm = false
    clock.isPaused = true
    this.clock.setTimer(() => clock.resume(), ms)
  }

  /** Redis is known to be away to one of them, for a while. */
  lose (pod: number, ms: number): void {
    const at = this.#pods[pod]
    if (at === undefined) return
    this.isCalm = false
    at.redis.level = 'away'
    for (const { key, ends } of this.#apps) if (ends === 0) this.#alone.add(key)
    this.clock.setTimer(() => { at.redis.level = 'up' }, ms)
  }

  async finish (): Promise<void> {
    await this.clock.advanceMs(4 * TIMEOUT_MS)
    await settle()
    for (const app of this.#apps) this.#check(app)
    for (const { clock, repeats } of this.#pods) {
      if (repeats.running !== 0) this.violations.push(`${repeats.running} still run`)
      clock.isDead = true
    }
  }

  #startPod (): Pod {
    const clock = new PodClock(this.clock)
    const redis = { level: 'up' as 'up' | 'away' }
    const memory = new MemoryStore({ clock, maxRecords: 100, maxBytes: 1_000_000 })
    const store = new RedisRepeatStore({ clock, redis: this.#home(clock, redis), memory, readSeal: () => SEAL, onRefused: reason => this.violations.push(reason) })
    return { clock, redis, repeats: new Repeats({ clock, store, waitMs: TIMEOUT_MS, ttlMs: DAY_MS, windowMs: 0, basePath: '' }) }
  }

  /** One connection: what was sent is run in its order, also where its sender is dead. */
  #home (pod: Clock, redis: { readonly level: 'up' | 'away' }): Pick<RedisHome, 'run' | 'state'> {
    let busyUntilMs = 0
    const late = new Map<string, number>()
    return {
      get state () { return { level: redis.level, sinceMs: 0, trouble: undefined } },
      run: async (script, [key = ''], args) => {
        if (redis.level === 'away') throw new RedisAway('away')
        const limitMs = REDIS_LIMITS_MS.patient
        const owner = String(args[0])
        const lateSoFar = late.get(owner) ?? 0
        // Where it is late a third time, it is for the probe as well, and is known to be away: so it is heard, whatever else is on the way.
        const isHeard = lateSoFar >= 2
        const tripMs = isHeard ? Math.min(this.redisMs, limitMs - 1) : this.redisMs
        const nowMs = this.clock.monotonicMs()
        const runAtMs = isHeard ? nowMs + tripMs / 2 : Math.max(busyUntilMs, nowMs + tripMs / 2)
        busyUntilMs = Math.max(busyUntilMs, runAtMs)
        const isLate = runAtMs + tripMs / 2 - nowMs > limitMs
        late.set(owner, isLate ? lateSoFar + 1 : 0)
        if (isLate) this.isCalm = false
        return new Promise((resolve, reject) => {
          this.clock.setTimer(() => {
            const answer = this.#redis.run(script, key, args)
            if (!isLate) pod.setTimer(() => resolve(answer), tripMs / 2)
          }, runAtMs - nowMs)
          if (isLate) pod.setTimer(() => reject(new RedisAway('slow')), limitMs)
        })
      }
    }
  }

  #line ({ clock }: Pod, key: string, id: string, refusal: (() => Problem | undefined) | undefined, sink: AnswerSink): StartableCall {
    const { fate, waitMs } = this
    const state = { isOutcomeUnknown: false, isAbandoned: false }
    const wentAtMs = clock.monotonicMs()
    const fail = (problem: Problem): void => { if (!state.isAbandoned) sink.onFailure(problem) }
    const leave = (): void => {
      if (state.isAbandoned) return
      const refused = refusal?.()
      if (refused !== undefined || fate === 'unsent') return fail(refused ?? new Problem('UPSTR-R-001', 'x'))
      state.isOutcomeUnknown = true
      const arrival = { key, fate, isOver: false }
      this.#arrive(arrival, wentAtMs)
      clock.setTimer(() => {
        if (fate === 'hangs' || fate === 'breaks') return fail(new Problem('UPSTR-N-001', 'x'))
        arrival.isOver = true
        if (state.isAbandoned) return
        sink.onHead(fate === 'ok' ? 201 : fate === 'busy' ? 503 : 401, '', ['Content-Type', 'application/problem+json'])
        sink.onChunk(Buffer.from(fate === 'ok' ? `booked for ${id}` : '{"isRetryable":true}'))
        sink.onEnd()
      }, fate === 'hangs' ? TIMEOUT_MS : ANSWER_MS)
    }
    return Object.assign(state, {
      start: () => { clock.setTimer(leave, waitMs) },
      abandon: () => { state.isAbandoned = true },
      resume: () => {},
      attempts: 1,
      upstreamMs: undefined,
      quotaWaitMs: undefined
    })
  }

  #arrive (arrival: Arrival, wentAtMs: number): void {
    const earlier = this.#arrivals.filter(({ key, isOver, fate }) => key === arrival.key && !(isOver && NOT_BOOKED.has(fate)))
    this.#arrivals.push(arrival)
    if (this.#alone.has(arrival.key)) return
    const nowMs = this.clock.monotonicMs()
    if (earlier.length > 0) this.violations.push(`after ${nowMs} ms: ${arrival.key} was sent again after ${earlier.map(({ fate }) => fate).join()}`)
    const told = this.#apps.find(({ key, code, endedAtMs }) => key === arrival.key && code === 'UPSTR-N-001' && endedAtMs >= wentAtMs && endedAtMs < nowMs)
    if (told !== undefined) this.violations.push(`after ${nowMs} ms: ${arrival.key} was sent though ${told.id} had been told that nobody knows`)
  }

  #check ({ id, key, pod, hasLeft, ends, body, code }: App): void {
    if (ends > 1) this.violations.push(`${id} was told ${ends} times`)
    if (hasLeft || pod.clock.isDead) return
    if (ends === 0) this.violations.push(`${id} was never told`)
    const from = /^booked for (app-\d+)$/.exec(body)?.[1]
    if (from !== undefined && this.#apps.find(({ id }) => id === from)?.key !== key) this.violations.push(`${id} got the answer to ${from}`)
    const isUnknown = this.#arrivals.some(arrival => arrival.key === key && (arrival.fate === 'hangs' || arrival.fate === 'breaks'))
    if (this.isCalm && ((code === 'UPSTR-N-001' && !isUnknown) || code === 'LOAD-R-001')) this.violations.push(`${id} was told ${code} without a reason`)
  }
}
