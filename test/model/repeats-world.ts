import { createServer, type Server } from 'node:http'
import { duplexPair, type Duplex } from 'node:stream'
import { Problem } from '../../src/problem.ts'
import { Door } from '../../src/proxy/door.ts'
import { Governor } from '../../src/quota/governor.ts'
import { Reads } from '../../src/reads/reads.ts'
import { MemoryStore } from '../../src/repeats/memory-store.ts'
import { Repeats } from '../../src/repeats/repeats.ts'
import type { Claimed, RepeatStore } from '../../src/repeats/store.ts'
import { Secret } from '../../src/secret.ts'
import { TokenCache } from '../../src/token/cache.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { FakeApi, type ApiBehaviour, type Arrival } from './fake-api.ts'
import { asSocket } from './world.ts'

export type TokenBehaviour = 'good' | 'down' | 'hangs'

/** What an app books: with a key, or without one, and one of two bodies. */
export interface Order { readonly key: string | undefined, readonly body: string }

const TOKEN_WAIT_MS = 5_000
const ATTEMPT_TIMEOUT_MS = 30_000
const MONTH_MS = 31 * 86_400_000

/** A wait for a first, and then for a token, an attempt, and both once more after a 401. */
const MOST_MS = ATTEMPT_TIMEOUT_MS + 2 * (TOKEN_WAIT_MS + ATTEMPT_TIMEOUT_MS)

/** The API answers these without having booked. */
const NOT_BOOKED: ReadonlySet<ApiBehaviour> = new Set(['unauthorized', 'too many', 'busy'])

/** What is refused before anybody looks at keys. */
const AT_THE_DOOR = new Set(['LOAD-R-001', 'DRAIN-R-001'])

interface Call {
  readonly id: string
  readonly order: Order
  /** Which life of the sidecar it came to. */
  readonly life: number
  readonly startedAtMs: number
  /** What had become of its order when it came; undefined where that was open. */
  readonly known: Arrival | undefined
  readonly socket: Duplex
  received: string
  endedAtMs: number | undefined
  hasLeft: boolean
}

/** A sidecar from its start to its end. */
interface Life { readonly door: Door, readonly server: Server, readonly tokens: TokenCache, readonly repeats: Repeats }

/** Answers later, and carries out in the order in which it was told, as one over a network does. */
function slowStore (store: RepeatStore, clock: FakeClock): RepeatStore {
  const later = <T>(act: () => T): Promise<T> => new Promise(resolve => { clock.setTimer(() => resolve(act()), 5) })
  return {
    mayBeSent: () => store.mayBeSent(''),
    claim: async claim => later(() => store.claim(claim) as Claimed),
    finish: (...told) => { void later(() => store.finish(...told)) },
    forget: id => { void later(() => store.forget(id)) },
    get records () { return store.records },
    get bytes () { return store.bytes },
    stop: () => store.stop()
  }
}

/**
 * The real modules between apps that book, and book again, and the network, on a fake clock. What must hold: for one order the API
 * carries out at most one booking in each life of the sidecar, and every app is told what is known.
 */
export class RepeatsWorld {
  readonly clock = new FakeClock()
  readonly api = new FakeApi(this.clock, 2)
  readonly violations: string[] = []
  tokenBehaviour: TokenBehaviour = 'good'
  readonly #hasSlowStore: boolean
  readonly #random: () => number
  readonly #calls: Call[] = []
  readonly #lives: Life[] = []

  constructor (random: () => number, hasSlowStore: boolean) {
    this.#random = random
    this.#hasSlowStore = hasSlowStore
    this.api.onArrival = arrival => this.#checkArrival(arrival)
    this.restart()
  }

  /** The process dies, with all its connections, and another one takes its place. */
  restart (): void {
    for (const call of this.#calls) this.#hangUp(call)
    const { clock, api } = this
    const tokens = new TokenCache({
      clock,
      random: this.#random,
      expiryBufferMs: 60_000,
      waitMs: TOKEN_WAIT_MS,
      source: { requestToken: async () => this.#requestToken(), haveCredentialsChanged: () => false }
    })
    const memory = new MemoryStore({ clock, maxRecords: 4, maxBytes: 1_000_000 })
    const repeats = new Repeats({
      clock, store: this.#hasSlowStore ? slowStore(memory, clock) : memory, waitMs: ATTEMPT_TIMEOUT_MS, ttlMs: MONTH_MS, windowMs: MONTH_MS, basePath: ''
    })
    const door = new Door({
      clock,
      guards: { hosts: 'any', inboundKey: () => undefined, routes: ['/venues'], allowedMethods: ['POST'], maxInFlight: 8 },
      forward: { clock, tokens, quota: new Governor({ clock, maxWaitMs: 0, reserve: 0 }), pool: api.dispatcher, onAnswer: () => {}, onWrite: () => {}, attemptTimeoutMs: ATTEMPT_TIMEOUT_MS },
      reads: new Reads({ clock, coalesce: true, cache: { ttlMs: 0, maxBytes: 1, staleIfErrorMs: 0 }, onShared: () => {} }),
      repeats,
      basePath: '',
      headerRules: { isKeyed: false, partnerReference: undefined, bookingSource: undefined },
      onExchange: () => {}
    })
    const server = createServer((req, res) => {
      const exchange = door.open(req, res, false)
      if (!exchange.isRefused) exchange.forward()
    })
    this.#lives.push({ door, server, tokens, repeats })
    tokens.start()
  }

  /** An app books, or books again. */
  book (order: Order): void {
    const [app, socket] = duplexPair()
    const life = this.#lives.length - 1
    const call: Call = {
      id: `call-number-${this.#calls.length}`,
      order,
      life,
      startedAtMs: this.clock.monotonicMs(),
      known: this.#arrivals(order, life).find(arrival => this.#isDecided(arrival)),
      socket: app,
      received: '',
      endedAtMs: undefined,
      hasLeft: false
    }
    this.#calls.push(call)
    app.on('data', chunk => { call.received += String(chunk) }).on('error', () => {}).on('end', () => app.end())
    app.on('close', () => {
      call.endedAtMs = this.clock.monotonicMs()
      socket.destroy()
    })
    socket.on('close', () => setImmediate(() => app.destroy()))
    this.#lives[life]?.server.emit('connection', asSocket(socket))
    const key = order.key === undefined ? '' : `Idempotency-Key: ${order.key}\r\n`
    app.write(`POST /venues/1/booking HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Correlation-ID: ${call.id}\r\n${key}Content-Length: ${order.body.length}\r\n\r\n${order.body}`)
  }

  /** The n-th app that still waits hangs up. */
  leave (n: number): void {
    const waiting = this.#calls.filter(({ endedAtMs, hasLeft }) => endedAtMs === undefined && !hasLeft)
    const call = waiting[n % Math.max(waiting.length, 1)]
    if (call !== undefined) this.#hangUp(call)
  }

  drain (): void {
    const door = this.#lives.at(-1)?.door
    void door?.drain()
    this.clock.setTimer(() => door?.cut(), 25_000)
    this.clock.setTimer(() => { if (door !== undefined && door.inFlight > 0) this.#violate(`${door.inFlight} outlive the drain`) }, 26_000)
  }

  /** Lets everything end, and looks at what came of it. */
  async finish (): Promise<void> {
    await this.clock.advanceMs(2 * MOST_MS)
    await settle()
    for (const call of this.#calls) this.#checkAnswer(call)
    for (const { door, repeats, tokens } of this.#lives) {
      if (door.inFlight !== 0 || repeats.running !== 0) this.#violate(`${door.inFlight} are still inside, ${repeats.running} under way, ${repeats.carried} for no app`)
      repeats.stop()
      tokens.stop()
    }
    if (this.api.openConnections > 0) this.#violate(`${this.api.openConnections} connections of the API are still taken`)
  }

  #hangUp (call: Call): void {
    if (call.endedAtMs !== undefined) return
    call.hasLeft = true
    call.socket.destroy()
  }

  async #requestToken () {
    const { tokenBehaviour } = this
    await new Promise<void>(resolve => { this.clock.setTimer(resolve, tokenBehaviour === 'hangs' ? 10_000 : 100) })
    if (tokenBehaviour !== 'good') throw new Problem('TOKEN-R-001', tokenBehaviour)
    return { value: new Secret('token'), lifetimeMs: 10 * MONTH_MS, scopes: [], ownScopes: [], claims: {}, show: String }
  }

  /** What reached the API of an order in one life of the sidecar. */
  #arrivals ({ key, body }: Order, life: number): readonly Arrival[] {
    const same = this.#calls.filter(call => call.life === life && call.order.key === key && (key !== undefined || call.order.body === body))
    return this.api.arrivals.filter(({ id }) => same.some(call => call.id === id))
  }

  /** A moment ago at least: a store that answers later has heard of it. */
  #isDecided ({ behaviour, ended }: Arrival): boolean {
    return !NOT_BOOKED.has(behaviour) && ended !== undefined && this.clock.monotonicMs() > ended.atMs
  }

  #checkArrival (arrival: Arrival): void {
    const call = this.#calls.find(({ id }) => id === arrival.id)
    if (call === undefined) return this.#violate(`${arrival.id} was never asked for`)
    const booked = this.#arrivals(call.order, call.life).filter(({ behaviour }) => !NOT_BOOKED.has(behaviour))
    if (booked.length > 1) this.#violate(`${describe(call.order)} was booked ${booked.length} times: ${booked.map(({ id }) => id).join()}`)
  }

  #checkAnswer (call: Call): void {
    const { id, order, life, received, hasLeft, known } = call
    const told = (what: string): void => this.#violate(`${id} (${describe(order)}) ${what}: ${JSON.stringify(received.slice(0, 300))}`)
    if (call.endedAtMs === undefined) return told('never ended')
    const code = /"code":"([^"]+)"/.exec(received)?.[1]
    const arrivals = this.#arrivals(order, life)
    const isBroken = arrivals.some(arrival => arrival.id === id && arrival.ended?.isWhole !== true)
    if (hasLeft || (isBroken && code === undefined)) return
    if (code === undefined) return this.#checkReplay(call, told)
    if (AT_THE_DOOR.has(code)) return arrivals.some(arrival => arrival.id === id && !NOT_BOOKED.has(arrival.behaviour)) ? told('was sent') : undefined
    const isOther = this.#calls.some(other => other.life === life && other.order.key === order.key && other.order.body !== order.body)
    switch (code) {
      case 'UPSTR-N-001': if (!arrivals.some(isUnknown)) told('was told of an unknown outcome where there is none'); break
      case 'IDEMP-R-001': if (call.endedAtMs - call.startedAtMs < ATTEMPT_TIMEOUT_MS) told('gave up too early'); break
      case 'IDEMP-N-001': if (!isOther) told('was taken for another request'); break
      case 'TOKEN-R-001':
      case 'UPSTR-R-001': if (arrivals.some(arrival => arrival.id === id && !NOT_BOOKED.has(arrival.behaviour))) told('was sent'); break
      default: told('got an unexpected problem')
    }
    if (known === undefined) return
    const knownOrder = this.#calls.find(({ id }) => id === known.id)?.order
    if (knownOrder?.body !== order.body) return code === 'IDEMP-N-001' ? undefined : told('was not taken for another request')
    if (code !== 'UPSTR-N-001' || !isUnknown(known)) told(`did not learn what is known, ${known.behaviour} at ${known.ended?.atMs}`)
  }

  /** An answer of the API: its own, or that of the one booking there is. */
  #checkReplay ({ id, order, life, received, known, startedAtMs }: Call, told: (what: string) => void): void {
    const isReplayed = /^Idempotency-Replayed: true\r$/m.test(received)
    if (!received.startsWith('HTTP/1.1 ')) return told('got no answer')
    const from = this.#calls.find(other => other.id === /answer (?:\d+ )?to ([\w-]+)\./.exec(received)?.[1] || (other.id === id && received.length > 64 * 1024))
    if (from === undefined) return told('got an answer from nowhere')
    if (isReplayed === (from.id === id)) told('is marked wrongly')
    if (from.life !== life || from.order.key !== order.key || from.order.body !== order.body) told(`got the answer to ${from.id}`)
    if (known !== undefined && known.id !== from.id) told(`got the answer to ${from.id}, and that to ${known.id} was known`)
    const [arrival] = this.api.arrivals.filter(({ id }) => id === from.id).slice(-1)
    // A 401 is held back for as long as a newer token is fetched.
    const isForgotten = arrival !== undefined && (arrival.behaviour === 'busy' || arrival.behaviour === 'too many')
    if (isForgotten && from.id !== id && startedAtMs > (arrival.ended?.atMs ?? 0) + 5) told('got a refusal that is not kept')
  }

  #violate (what: string): void {
    this.violations.push(`after ${this.clock.monotonicMs()} ms: ${what}`)
  }
}

function describe ({ key, body }: Order): string {
  return `${body} ${key === undefined ? 'without a key' : `with key ${key}`}`
}

/** The sidecar saw no whole answer that it could keep; or is cut off from the one to come. */
function isUnknown ({ behaviour, ended }: Arrival): boolean {
  return ended?.isWhole !== true || behaviour === 'too large'
}
