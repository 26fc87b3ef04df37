import { createServer, type IncomingMessage } from 'node:http'
import { duplexPair, type Duplex } from 'node:stream'
import { PROBES } from '../../src/admin/probes.ts'
import { Problem } from '../../src/problem.ts'
import { MAX_HELD_BYTES } from '../../src/answer.ts'
import { Door } from '../../src/proxy/door.ts'
import type { ExchangeRecord } from '../../src/proxy/record.ts'
import { Governor } from '../../src/quota/governor.ts'
import { Reads } from '../../src/reads/reads.ts'
import { MemoryStore } from '../../src/repeats/memory-store.ts'
import { Repeats } from '../../src/repeats/repeats.ts'
import { Secret } from '../../src/secret.ts'
import { TokenCache } from '../../src/token/cache.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { FakeApi } from './fake-api.ts'

export type TokenBehaviour = 'good' | 'short-lived' | 'down' | 'refuses' | 'unusable' | 'hangs'

const TOKEN_WAIT_MS = 5_000
const ATTEMPT_TIMEOUT_MS = 30_000
const QUOTA_WAIT_MS = 5_000
const TOKEN_TIMEOUT_MS = 10_000

/** Two waits for a token, and three attempts at most: the first, one after a 401, one on a fresh connection. What the quota refuses, and the token that it needs then, take their time too. */
const MOST_MS = QUOTA_WAIT_MS + 3 * TOKEN_WAIT_MS + 3 * ATTEMPT_TIMEOUT_MS

/** A read may wait for a call of another one to break, and then for a second one. */
const MOST_MS_OF_READ = 2 * MOST_MS

const LIFETIMES_MS: Readonly<Partial<Record<TokenBehaviour, number>>> = { good: 3_600_000, 'short-lived': 2_000 }

/** What an app sends: a read, a booking, an upload too large to be held, or one that stops half-way. */
export type CallKind = 'GET' | 'POST' | 'upload' | 'half an upload'

const BODIES: Readonly<Record<CallKind, string>> = {
  GET: '', POST: '{}', upload: 'x'.repeat(MAX_HELD_BYTES + 1), 'half an upload': 'x'.repeat(MAX_HELD_BYTES + 1)
}

interface Call {
  readonly method: string
  readonly startedAtMs: number
  /** What reached the API before the last write that had ended when it came. */
  readonly outdated: number
  readonly socket: Duplex
  received: string
  hasLeft: boolean
  isClosed: boolean
}

/**
 * The real modules between an app and the network (door, exchange, reads, forward, attempt, token cache), on a fake clock, with HTTP over
 * streams in memory. Every promise that the sidecar makes about them is checked at the moment when it could be broken.
 */
export class World {
  readonly clock = new FakeClock()
  readonly api = new FakeApi(this.clock, 2)
  readonly violations: string[] = []
  tokenBehaviour: TokenBehaviour = 'good'
  readonly #issued = new Map<string, { wallMs: number, monotonicMs: number }>()
  readonly #records = new Map<string, ExchangeRecord>()
  readonly #calls = new Map<string, Call>()
  readonly #server
  readonly #door
  readonly #tokens
  readonly #quota
  #outdated = 0
  #tokenRequests = 0
  #tokenRequestsRunning = 0

  constructor (random: () => number) {
    const { clock, api } = this
    this.#tokens = new TokenCache({
      clock,
      random,
      expiryBufferMs: 60_000,
      waitMs: TOKEN_WAIT_MS,
      source: { requestToken: async () => this.#requestToken(), haveCredentialsChanged: () => false }
    })
    this.#quota = new Governor({ clock, maxWaitMs: QUOTA_WAIT_MS, reserve: 0.1 })
    const reads = new Reads({ clock, coalesce: true, cache: { ttlMs: random() < 0.5 ? 0 : 10_000, maxBytes: 100_000, staleIfErrorMs: 0 }, onShared: () => {} })
    this.#door = new Door({
      clock,
      guards: { hosts: 'any', inboundKey: () => undefined, routes: ['/venues'], allowedMethods: ['GET', 'POST'], maxInFlight: 8 },
      forward: { clock, tokens: this.#tokens, quota: this.#quota, pool: api.dispatcher, onAnswer: () => {}, onWrite: target => reads.forget(target, true), attemptTimeoutMs: ATTEMPT_TIMEOUT_MS },
      reads,
      repeats: new Repeats({ clock, store: new MemoryStore({ clock, maxRecords: 100, maxBytes: 1_000_000 }), waitMs: ATTEMPT_TIMEOUT_MS, ttlMs: 86_400_000, windowMs: 0, basePath: '' }),
      basePath: '',
      headerRules: { isKeyed: false, partnerReference: undefined, bookingSource: undefined },
      onExchange: record => {
        this.#records.set(record.correlationId, record)
        if (this.#mayHaveWritten(record)) this.#outdated = api.arrivals.length
      }
    })
    this.#server = createServer((req, res) => {
      const exchange = this.#door.open(req, res, false)
      if (!exchange.isRefused) exchange.forward()
    })
    api.onArrival = ({ id, authorization, method }) => {
      this.#checkToken(authorization.replace('Bearer ', ''))
      const sent = api.arrivals.filter(arrival => arrival.id === id)
      if (method === 'POST' && sent.slice(0, -1).some(({ wasRefused }) => !wasRefused)) this.#violate(`write ${id} was sent twice`)
      if (sent.length > 3 && !sent.some(({ wasRefused }) => wasRefused)) this.#violate(`${id} was sent ${sent.length} times`)
    }
    this.#tokens.start()
  }

  /** An app calls; its id is its correlation id. */
  call (kind: CallKind): void {
    const method = kind === 'GET' ? 'GET' : 'POST'
    const [app, socket] = duplexPair()
    const id = `call-number-${this.#calls.size}`
    const call: Call = { method, startedAtMs: this.clock.monotonicMs(), outdated: this.#outdated, socket: app, received: '', hasLeft: false, isClosed: false }
    this.#calls.set(id, call)
    app.on('data', chunk => { call.received += String(chunk) }).on('error', () => {}).on('end', () => app.end()).on('close', () => { call.isClosed = true })
    // A pair in memory does not tell the one side that the other was destroyed.
    app.on('close', () => socket.destroy())
    socket.on('close', () => setImmediate(() => app.destroy()))
    this.#server.emit('connection', asSocket(socket))
    // Some reads are the same.
    const target = method === 'GET' ? `/venues/${this.#calls.size % 2}` : '/venues/1/booking'
    const body = BODIES[kind]
    const sent = kind === 'half an upload' ? body.slice(body.length / 2) : body
    app.write(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Correlation-ID: ${id}\r\nContent-Length: ${body.length}\r\n\r\n${sent}`)
  }

  /** The n-th app that still waits hangs up. */
  leave (n: number): void {
    const waiting = [...this.#calls.entries()].filter(([id, { hasLeft }]) => !hasLeft && !this.#records.has(id))
    const [, call] = waiting[n % Math.max(waiting.length, 1)] ?? []
    if (call === undefined) return
    call.hasLeft = true
    call.socket.destroy()
  }

  drain (): void {
    void this.#door.drain()
    this.clock.setTimer(() => this.#door.cut(), 25_000)
  }

  /** What must hold whenever nothing is about to happen. */
  check (): void {
    const isReady = PROBES['/readyz']({ tokens: this.#tokens, door: this.#door }) === undefined
    const token = this.#tokens.current()
    if (isReady && token === undefined) this.#violate('ready without a token')
    if (token !== undefined) this.#checkToken(token.value.reveal())
    for (const [id, call] of this.#calls) {
      const mostMs = call.method === 'GET' ? MOST_MS_OF_READ : MOST_MS
      if (this.clock.monotonicMs() - call.startedAtMs > mostMs && !this.#records.has(id)) this.#violate(`${id} was not answered in ${mostMs} ms`)
    }
  }

  /** Lets everything end, and looks whether it has. */
  async finish (): Promise<void> {
    await this.clock.advanceMs(MOST_MS_OF_READ + 1)
    await settle()
    this.check()
    for (const [id, call] of this.#calls) this.#checkAnswer(id, call)
    if (this.#door.inFlight > 0) this.#violate(`${this.#door.inFlight} are still inside`)
    if (this.api.openConnections > 0) this.#violate(`${this.api.openConnections} connections of the API are still taken`)
    this.#tokens.stop()
  }

  async #requestToken () {
    const value = `token-${++this.#tokenRequests}`
    if (++this.#tokenRequestsRunning > 1) this.#violate('two token requests at once')
    const { tokenBehaviour } = this
    const sentAt = { wallMs: this.clock.nowMs(), monotonicMs: this.clock.monotonicMs() }
    await new Promise<void>(resolve => { this.clock.setTimer(resolve, tokenBehaviour === 'hangs' ? TOKEN_TIMEOUT_MS : 100) })
    this.#tokenRequestsRunning--
    const lifetimeMs = LIFETIMES_MS[tokenBehaviour]
    if (lifetimeMs !== undefined) {
      this.#issued.set(value, { wallMs: sentAt.wallMs + lifetimeMs, monotonicMs: sentAt.monotonicMs + lifetimeMs })
      return { value: new Secret(value), lifetimeMs, scopes: [], ownScopes: [], claims: {}, show: String }
    }
    throw new Problem(tokenBehaviour === 'refuses' ? 'TOKEN-N-001' : tokenBehaviour === 'unusable' ? 'TOKEN-R-002' : 'TOKEN-R-001', tokenBehaviour)
  }

  #checkToken (token: string): void {
    const expires = this.#issued.get(token)
    if (expires === undefined) this.#violate(`${token} was never given out`)
    else if (this.clock.nowMs() >= expires.wallMs || this.clock.monotonicMs() >= expires.monotonicMs) this.#violate(`${token} has expired`)
  }

  /** A refused write changed nothing. */
  #mayHaveWritten ({ method, correlationId, status }: ExchangeRecord): boolean {
    const isRefused = status >= 400 && status < 500 && status !== 499
    return method === 'POST' && !isRefused && this.api.arrivals.some(({ id, wasRefused }) => id === correlationId && !wasRefused)
  }

  #checkAnswer (id: string, { method, received, hasLeft, isClosed, outdated }: Call): void {
    const record = this.#records.get(id)
    if (record === undefined || !isClosed) return this.#violate(`${id} never ended`)
    if (hasLeft || record.isBroken) return
    const code = /"code":"([^"]+)"/.exec(received)?.[1]
    const isSent = this.api.arrivals.some(arrival => arrival.id === id && !arrival.wasRefused)
    if (!received.startsWith('HTTP/1.1 ')) this.#violate(`${id} got no answer: ${JSON.stringify(received)}`)
    if (code !== record.problem?.code) this.#violate(`${id} got ${code}, and the log has ${record.problem?.code}`)
    const answered = /answer (\d+) to/.exec(received)?.[1]
    if (method === 'GET' && Number(answered ?? Infinity) <= outdated) this.#violate(`read ${id} got an answer from before a write that had ended`)
    // PROXY-N-006: the API never got it whole.
    if (method === 'POST' && isSent && code !== undefined && code !== 'UPSTR-N-001' && code !== 'PROXY-N-006') this.#violate(`write ${id} was sent, and the app was told ${code}`)
    if (code === 'UPSTR-N-001' && !isSent) this.#violate(`write ${id} was not sent, and the app was told ${code}`)
  }

  #violate (what: string): void {
    this.violations.push(`after ${this.clock.monotonicMs()} ms: ${what}`)
  }
}

/** Half of a pair, with what the server asks of a socket beyond a stream. */
export function asSocket (stream: Duplex): IncomingMessage['socket'] {
  return Object.assign(stream, {
    setTimeout: () => stream, setNoDelay: () => stream, setKeepAlive: () => stream, resetAndDestroy: () => stream.destroy()
  }) as unknown as IncomingMessage['socket']
}
