import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Teardown } from '../helpers/servers.ts'
import { call, recorder, type Answer } from '../helpers/http.ts'
import { untilElsewhere } from '../helpers/until.ts'

export const BOOKING = '/venues/29%7CCO%7Ca/booking'

export interface Booked {
  readonly path?: string
  readonly method?: string
  readonly key?: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** An app books. */
export function book (url: string, { path = BOOKING, method = 'POST', key, body = '{"partySize":2}', headers = {} }: Booked = {}): Promise<Answer> {
  return call(url, path, { method, headers: { ...headers as Record<string, string | string[]>, ...(key === undefined ? {} : { 'Idempotency-Key': key }) }, body })
}

/** An app books and does not wait for the answer: it hangs up when it is told to. */
export function bookAndLeave (t: Teardown, url: string, { path = BOOKING, key, body = '{"partySize":2}' }: Booked = {}): Socket {
  const app = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  t.teardown(() => app.destroy())
  const header = key === undefined ? '' : `Idempotency-Key: ${key}\r\n`
  app.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${header}Content-Length: ${body.length}\r\n\r\n${String(body)}`)
  return app
}

/** Code and detail of a problem. */
export function problemOf ({ status, body }: Answer): { status: number, code: string, detail: string } {
  const { code, detail } = JSON.parse(body.toString()) as { code: string, detail: string }
  return { status, code, detail }
}

/** An API that answers bookings when it is told to, in the order in which they came, each with a number of its own. */
export function heldApi (status = 201) {
  const waiting: ServerResponse[] = []
  let bookings = 0
  let onArrival = (): void => {}
  const { seen, api } = recorder((_req, res) => {
    waiting.push(res)
    onArrival()
  })
  return {
    seen,
    api,
    /** Resolves when that many have come. */
    async arrived (n: number): Promise<void> {
      while (seen.length < n) await new Promise<void>(resolve => { onArrival = resolve })
    },
    answer: () => { waiting.shift()?.writeHead(status).end(`booking ${++bookings}`) },
    /** The API does not act on the one that is due next, and says so. */
    refuse: () => { waiting.shift()?.writeHead(503, { 'Content-Type': 'application/problem+json' }).end('{"isRetryable":true}') },
    /** The answer that is due next. */
    due: () => waiting[0]
  }
}

/** What /status tells. */
export async function statusOf (adminUrl: string): Promise<{ counts: Record<string, number>, repeats: Record<string, number> }> {
  return JSON.parse((await call(adminUrl, '/status')).body.toString()) as { counts: Record<string, number>, repeats: Record<string, number> }
}

/** Waits until that many requests are being served. */
export async function inFlight (adminUrl: string, n: number): Promise<void> {
  await untilElsewhere(async () => (await statusOf(adminUrl)).counts.inFlight === n)
}
