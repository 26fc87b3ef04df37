import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { valuesOf } from '../helpers/http.ts'
import { settle } from '../helpers/fake-clock.ts'
import { readBody, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar, type TestSidecar } from '../helpers/sidecar.ts'
import { answersIn, faultOfProblem, headerOf, type ParsedAnswer } from './answers.ts'

/** By which the tests know an answer of the API. */
const MARK = 'x-from-the-api'

/** Hop-by-hop headers (RFC 9110 §7.6.1) that undici sets itself, for its own connection. */
const OF_THE_CONNECTION = ['connection', 'transfer-encoding']
const HOP_BY_HOP = /^(keep-alive|te|trailer|upgrade|expect|proxy-.*)$/

/** A request as the API got it. */
export interface Arrival { readonly method: string, readonly target: string, readonly headers: readonly string[], readonly body: Buffer }

export type Ending = 'end' | 'reset'

export interface World {
  readonly sidecar: TestSidecar
  readonly arrivals: Arrival[]
  /** What must never happen, and did. */
  readonly violations: string[]
  /** Sends pieces on one connection, calls properly on another one, ends or resets the first and gives the answers that came on it. */
  shootAt (listener: 'apps' | 'operators', pieces: readonly Buffer[], ending: Ending): Promise<ParsedAnswer[]>
}

/** A sidecar between an app that sends anything and an API that watches what arrives. */
export async function startWorld (t: Teardown, { env = {}, answer = (_req, res) => { res.setHeader(MARK, 'yes').end('ok') } }: { env?: Record<string, string>, answer?: RequestListener } = {}): Promise<World> {
  const arrivals: Arrival[] = []
  const violations: string[] = []
  const violate = (what: string): void => { violations.push(what) }
  watchProcess(t, violate)
  let tokens: readonly string[] = []
  const api = createServer((req, res) => {
    // With the head, so that one whose body never ends is looked at too.
    checkArrival(req, tokens, violate)
    void readBody(req).then(body => {
      arrivals.push({ method: req.method ?? '', target: req.url ?? '', headers: req.rawHeaders, body })
      answer(req, res)
    }, () => {})
  })
  api.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // An upload that the app broke off breaks off here too; anything else is a request that is no HTTP.
    if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') violate(`the API got bytes that are no request: ${error.code}`)
    socket.destroy()
  })
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    api.close()
    api.closeAllConnections()
  })
  const sidecar = await startTestSidecar(t, { apiUrl: `http://127.0.0.1:${(api.address() as AddressInfo).port}`, env })
  tokens = sidecar.tokenServer.tokens
  await sidecar.line('token refreshed')

  return {
    sidecar,
    arrivals,
    violations,
    async shootAt (listener, pieces, ending) {
      const [origin, path] = listener === 'apps' ? [sidecar.url, '/venues/proper'] : [sidecar.adminUrl, '/livez']
      const received = await converse(origin, pieces, ending, async () => {
        const [proper] = answersIn(await converse(origin, [Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: ${env.INBOUND_API_KEY ?? ''}\r\nConnection: close\r\n\r\n`)]))
        if (proper?.status !== 200) violate(`a proper request got ${proper?.status}`)
      })
      const answers = answersIn(received)
      for (const each of answers.filter(({ status, headers }) => status >= 200 && !headers.some(([name]) => name === MARK))) {
        const isProbe = listener === 'operators' && each.status === 200
        const fault = isProbe ? undefined : faultOfProblem(each)
        if (fault !== undefined) violate(`an answer of the sidecar's own, ${fault}: ${JSON.stringify(each)}`)
        if (headerOf(each, 'authorization') !== undefined) violate('an answer shows the token')
      }
      return answers
    }
  }
}

/** All that comes back, as latin1, until the other side closes: by itself, or after `meanwhile` because this side ended. */
export async function converse (origin: string, pieces: readonly Buffer[], ending: Ending = 'end', meanwhile?: () => Promise<void>): Promise<string> {
  const chunks: Buffer[] = []
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  // It may cut the connection at any byte.
  socket.on('data', chunk => chunks.push(chunk)).on('error', () => {})
  const closed = new Promise(resolve => socket.on('close', resolve))
  for (const piece of pieces) {
    if (piece.length > 0 && socket.writable) socket.write(piece)
    await settle()
  }
  if (meanwhile !== undefined) {
    await meanwhile()
    if (ending === 'reset') socket.resetAndDestroy()
    else socket.end()
  }
  await closed
  return Buffer.concat(chunks).toString('latin1')
}

/** What must hold for whatever the API gets. */
function checkArrival ({ url = '', rawHeaders }: IncomingMessage, tokens: readonly string[], violate: (what: string) => void): void {
  if (leavesItsRoute(url)) violate(`the API got ${url}`)
  const given = valuesOf(rawHeaders, 'authorization')
  if (given.length !== 1 || !tokens.some(token => given[0] === `Bearer ${token}`)) violate(`the API got the authorization ${given.join()}`)
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase())
  for (const name of names) {
    if (HOP_BY_HOP.test(name)) violate(`the API got ${name}`)
  }
  for (const name of [...OF_THE_CONNECTION, 'host', 'content-length', 'x-correlation-id']) {
    if (names.filter(candidate => candidate === name).length > 1) violate(`the API got ${name} twice`)
  }
}

/** By another judge than ours: the URL parser of browsers, which takes `\` for `/` and `%2e` for a dot, over every way to decode. */
export function leavesItsRoute (target: string): boolean {
  let path = target.replace(/\?[^]*/, '')
  for (let decodings = 0; decodings < 4; decodings++) {
    const url = `http://host${path.replace(/[?#]/g, '_')}`
    if (!URL.canParse(url) || !/^\/(venues|bookings)(\/|$)/.test(new URL(url).pathname)) return true
    path = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  }
  return false
}

/** In the process of the test, which is the sidecar's too. */
function watchProcess (t: Teardown, violate: (what: string) => void): void {
  const onException = (error: unknown): void => violate(`uncaught: ${error instanceof Error ? error.stack : String(error)}`)
  process.on('uncaughtExceptionMonitor', onException).on('unhandledRejection', onException)
  t.teardown(() => process.off('uncaughtExceptionMonitor', onException).off('unhandledRejection', onException))
}
