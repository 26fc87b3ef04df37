import { setImmediate as turn } from 'node:timers/promises'
import { fixedSecret } from '../../src/config/secret-source.ts'
import { FleetAllotment } from '../../src/quota/fleet.ts'
import { Governor } from '../../src/quota/governor.ts'
import type { Lane } from '../../src/quota/lanes.ts'
import { RedisQuotaStore } from '../../src/quota/stores/redis.ts'
import { RedisHome } from '../../src/redis/home.ts'
import { redisScript, type RedisScript } from '../../src/redis/script.ts'
import { RedisSource } from '../../src/redis/source.ts'
import { RedisAway } from '../../src/redis/trouble.ts'
import { Secret } from '../../src/secret.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import type { RunningRedis } from '../helpers/redis.ts'
import type { Teardown } from '../helpers/servers.ts'

const WINDOW_MS = 60_000
const STEP_MS = 20
const LATENCY_MS = 20

type Run = RedisHome['run']

/** A fleet of governors before one API with true fixed windows, and a real Redis whose TIME is the clock of the test. */
export class FleetWorld {
  readonly clock = new FakeClock()
  readonly pods: Pod[] = []
  limit = 60
  /** What the API counted, by window. */
  readonly windows = new Map<number, { served: number, refused: number, foreign: number, byLane: Record<Lane, number> }>()
  readonly warnings: string[] = []
  commands = 0
  /** What becomes of a command: one that is lost does not reach Redis, and of one that is late nobody hears the answer. */
  mishap: ((script: RedisScript) => 'lost' | 'late' | undefined) | undefined
  /** The headers of an answer, where they are not the usual ones. */
  headers: ((usual: Readonly<Record<string, string>>) => Readonly<Record<string, string>>) | undefined
  readonly #t: Teardown
  readonly #redis: RunningRedis
  readonly #random = evenly()
  readonly #pending = new Set<Promise<unknown>>()

  constructor (t: Teardown, redis: RunningRedis) {
    this.#t = t
    this.#redis = redis
  }

  async addPods (n: number, { reserve = 0.1, maxWaitMs = 5_000 } = {}): Promise<Pod[]> {
    const added = Array.from({ length: n }, () => this.#pod(reserve, maxWaitMs))
    this.pods.push(...added)
    await this.untilRedis(true)
    for (const { allotment } of added) allotment.start()
    await this.advanceMs(STEP_MS)
    return added
  }

  /** Waits, in real time, until all know that Redis is there, or is not. */
  async untilRedis (isUp: boolean): Promise<void> {
    while (this.pods.some(({ home, isDead }) => !isDead && home.isUp !== isUp)) {
      for (const { homeClock } of this.pods) await homeClock.advanceMs(100)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }

  /** Time goes on in small steps; what is on its way to Redis and back takes none. */
  async advanceMs (ms: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + ms
    while (this.clock.monotonicMs() < untilMs) {
      await this.clock.advanceMs(Math.min(STEP_MS, untilMs - this.clock.monotonicMs()))
      await this.settle()
    }
  }

  async settle (): Promise<void> {
    while (this.#pending.size > 0) {
      await Promise.allSettled(this.#pending)
      await turn()
    }
  }

  /** Each pod asks evenly, all of them together `perWindow`. */
  async load (pods: readonly Pod[], perWindow: number, windows: number): Promise<void> {
    const everyMs = WINDOW_MS / perWindow
    let asked = 0
    const startedAtMs = this.clock.monotonicMs()
    while (this.clock.monotonicMs() - startedAtMs < windows * WINDOW_MS) {
      while (asked * everyMs <= this.clock.monotonicMs() - startedAtMs) {
        pods[asked % pods.length]?.ask(asked % 3 === 0 ? 'read' : 'list')
        asked++
      }
      await this.advanceMs(100)
    }
  }

  /** All of them learn the limit, and a window begins. */
  async learnAll (pods: readonly Pod[] = this.pods): Promise<void> {
    await this.advanceMs(this.msToTurn - 10_000)
    for (const pod of pods) pod.ask('read')
    await this.advanceMs(10_040)
    this.windows.clear()
  }

  get msToTurn (): number {
    return WINDOW_MS - this.clock.nowMs() % WINDOW_MS
  }

  window () {
    const id = Math.floor(this.clock.nowMs() / WINDOW_MS)
    const known = this.windows.get(id)
    if (known !== undefined) return known
    const window = { served: 0, refused: 0, foreign: 0, byLane: { write: 0, read: 0, list: 0 } }
    this.windows.set(id, window)
    return window
  }

  /** The API, at the moment at which a request arrives. */
  answer (lane: Lane): { status: number, headers: string[] } {
    const window = this.window()
    const isAllowed = window.served + window.foreign < this.limit
    if (isAllowed) {
      window.served++
      window.byLane[lane]++
    } else window.refused++
    const usual = {
      Date: new Date(this.clock.nowMs()).toUTCString(),
      'X-RateLimit-Limit': String(this.limit),
      'X-RateLimit-Remaining': String(Math.max(this.limit - window.served - window.foreign, 0)),
      'X-RateLimit-Reset': String(Math.floor(this.clock.nowMs() / WINDOW_MS) * 60 + 60)
    }
    return { status: isAllowed ? 200 : 429, headers: Object.entries(this.headers?.(usual) ?? usual).flat() }
  }

  #pod (reserve: number, maxWaitMs: number): Pod {
    const { clock } = this
    // It stands still, but where Redis is waited for: nothing is called late.
    const homeClock = new FakeClock()
    const home = new RedisHome({ clock: homeClock, random: () => 0, source: new RedisSource(fixedSecret(this.#redis.url), () => {}) })
    this.#t.teardown(() => home.stop())
    home.start()
    const run: Run = async (wanted, keys, args, patience) => {
      this.commands++
      const mishap = this.mishap?.(wanted)
      if (mishap === 'lost') throw new RedisAway('lost')
      const script = redisScript(wanted.lua.replace("redis.call('TIME')", '{ math.floor(ARGV[#ARGV] / 1000), ARGV[#ARGV] % 1000 * 1000 }'))
      const answer = home.run(script, keys, [...args, clock.nowMs()], patience)
      this.#pending.add(answer)
      return answer.finally(() => {
        this.#pending.delete(answer)
        if (mishap === 'late') throw new RedisAway('late')
      })
    }
    const store = new RedisQuotaStore({
      redis: { get isUp () { return home.isUp }, run }, readClientId: () => new Secret('client'), apiUrl: new URL('https://api.example'), reserve, onRefused: reason => { this.warnings.push(reason) }
    })
    const allotment = new FleetAllotment({ clock, store, reserve, random: this.#random })
    return new Pod(this, new Governor({ clock, maxWaitMs, reserve, allotment }), allotment, home, homeClock)
  }
}

/** One sidecar of the fleet. */
export class Pod {
  isDead = false
  readonly statuses: Record<string, number> = {}
  readonly governor: Governor
  readonly allotment: FleetAllotment
  readonly home: RedisHome
  readonly homeClock: FakeClock
  readonly #world: FleetWorld

  constructor (world: FleetWorld, governor: Governor, allotment: FleetAllotment, home: RedisHome, homeClock: FakeClock) {
    this.#world = world
    this.governor = governor
    this.allotment = allotment
    this.home = home
    this.homeClock = homeClock
  }

  ask (lane: Lane): void {
    const turn = this.governor.take(lane)
    if (turn > 0) this.#send(lane, turn)
    else this.#wait(lane, this.#world.clock.monotonicMs(), false)
  }

  askMany (n: number, lane: Lane): void {
    for (let i = 0; i < n; i++) this.ask(lane)
  }

  #wait (lane: Lane, sinceMs: number, isSentBack: boolean): void {
    this.governor.wait(lane, { sinceMs, isSentBack }, {
      go: turn => this.#send(lane, turn, sinceMs),
      refuse: ({ code }) => this.#end(code)
    })
  }

  #send (lane: Lane, turn: number, sinceMs = this.#world.clock.monotonicMs()): void {
    const { clock } = this.#world
    clock.setTimer(() => {
      const { status, headers } = this.#world.answer(lane)
      clock.setTimer(() => {
        this.governor.answered(turn, status, headers)
        if (status === 429 && this.governor.isWorthWaiting(lane, sinceMs)) this.#wait(lane, sinceMs, true)
        else this.#end(String(status))
      }, LATENCY_MS)
    }, LATENCY_MS)
  }

  #end (how: string): void {
    this.statuses[how] = (this.statuses[how] ?? 0) + 1
  }
}

/** The same in each run, and in each part of it as even as can be: multiples of the golden ratio. */
function evenly (): () => number {
  let n = 0
  return () => ++n * 0.618034 % 1
}
