import { Writable } from 'node:stream'
import type { RequestListener } from 'node:http'
import { pino } from 'pino'
import { systemClock, type Clock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Environment } from '../../src/config/read-settings.ts'
import { startSidecar, type Sidecar } from '../../src/sidecar.ts'
import { FakeClock } from './fake-clock.ts'
import { startServer, startTokenServer, type Teardown, type TokenServer } from './servers.ts'

export interface TestSidecar extends Sidecar {
  readonly tokenServer: TokenServer
  /** Where the API is. */
  readonly apiUrl: string
  /** Every line of the log so far. */
  readonly log: ReadonlyArray<Record<string, unknown>>
  /** The same as it was written. */
  readonly output: { readonly stdout: string }
  /** The n-th log line with this message, once it is there. */
  line (msg: string, n?: number): Promise<Record<string, unknown>>
  /** The log line of the n-th request, once it is there. */
  requestLine (n?: number): Promise<Record<string, unknown>>
}

export interface TestSidecarOptions {
  /** The API. */
  readonly api?: RequestListener
  /** Instead of `api`: where it is already. */
  readonly apiUrl?: string
  readonly env?: Environment
  readonly clock?: Clock
  readonly tokenLifetimeS?: number
}

/** A whole sidecar on free ports, with a token endpoint and an API of the test's own. */
export async function startTestSidecar (t: Teardown, options: TestSidecarOptions = {}): Promise<TestSidecar> {
  const apiUrl = options.apiUrl ?? await startServer(t, options.api ?? ((_req, res) => res.end('from the api')))
  const tokenServer = await startTokenServer(t, options.tokenLifetimeS)
  const log: Array<Record<string, unknown>> = []
  const output = { stdout: '' }
  const listeners = new Set<() => void>()
  const destination = new Writable({
    write (chunk: Buffer, _encoding, done) {
      output.stdout += chunk.toString()
      for (const line of chunk.toString().trim().split('\n')) log.push(JSON.parse(line) as Record<string, unknown>)
      for (const listener of listeners) listener()
      done()
    }
  })
  const config = loadConfig({
    BOOKABLE_CLIENT_ID: 'test-client',
    BOOKABLE_CLIENT_SECRET: 'test-secret',
    BOOKABLE_API_URL: apiUrl,
    BOOKABLE_TOKEN_URL: tokenServer.url,
    PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: 'trace',
    SHUTDOWN_TIMEOUT_MS: '2000',
    ...options.env
  })
  const sidecar = await startSidecar({
    config, clock: options.clock ?? systemClock, logger: pino({ level: config.logLevel, base: null }, destination), random: () => 0.5, nodeVersion: process.version
  })
  let drained: Promise<boolean> | undefined
  const drain = async (): Promise<boolean> => {
    drained ??= sidecar.drain()
    return drained
  }
  t.teardown(async () => {
    const drained = drain()
    if (options.clock instanceof FakeClock) await options.clock.runUntil(drained)
    await drained
  })
  const line: TestSidecar['line'] = async (msg, n = 1) => {
    for (;;) {
      const found = log.filter(candidate => candidate.msg === msg)[n - 1]
      if (found !== undefined) return found
      await new Promise<void>(resolve => {
        const listener = (): void => {
          listeners.delete(listener)
          resolve()
        }
        listeners.add(listener)
      })
    }
  }
  return {
    ...sidecar,
    drain,
    tokenServer,
    apiUrl,
    log,
    output,
    line,
    requestLine: async n => line('request', n)
  }
}
