import fc from 'fast-check'
import type { ProblemCode } from '../../src/problem.ts'

export const KEY = 'obviously-fake-key'

/** What may be wrong with a request, in the order in which the contract refuses: each changes the request in a place of its own. */
export const FAULTS = [
  ['two hosts', 'PROXY-N-006'],
  ['unknown expectation', 'PROXY-N-006'],
  ['strange host', 'PROXY-N-003'],
  ['another site', 'PROXY-N-004'],
  ['no key', 'PROXY-N-005'],
  ['climbs', 'PROXY-N-006'],
  ['no route', 'PROXY-N-001'],
  ['method', 'PROXY-N-002'],
  ['too many headers', 'PROXY-N-007']
] as const satisfies ReadonlyArray<readonly [string, ProblemCode]>

export type Fault = typeof FAULTS[number][0]

export interface RandomRequest {
  readonly faults: readonly Fault[]
  readonly method: string
  readonly target: string
  /** Names and values in turn, but for what the faults change and what frames the body. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
  readonly isChunked: boolean
}

/** The first byte of the UTF-8 of a letter with an accent, and so on: whatever HTTP lets through in a value (RFC 9110 §5.5). */
const valueByte = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) }, fc.constantFrom(0x20, 0x09), fc.integer({ min: 0x80, max: 0xff }))
const value = fc.array(valueByte, { maxLength: 40 }).map(bytes => String.fromCharCode(...bytes).replace(/^[ \t]+|[ \t]+$/g, ''))
const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019!#$%&\'*+-.^_`|~'), minLength: 1, maxLength: 12 })

/** Names that mean something to somebody on the way, in odd spellings. */
const NAMES = [
  'Authorization', 'authorization', 'AUTHORIZATION', 'Proxy-Authorization', 'Proxy-Connection', 'Keep-Alive', 'TE', 'Trailer', 'Upgrade', 'Connection', 'connection',
  'Cookie', 'Via', 'Forwarded', 'X-Forwarded-For', 'X-Correlation-ID', 'Content-Type', 'Accept-Encoding', 'Range', 'If-None-Match', 'Idempotency-Key',
  'X-Partner-Reference', 'X-Booking-Source', '__proto__', 'constructor', 'Set-Cookie', 'Date', 'X-HTTP-Method-Override', 'X-Original-URL', 'Max-Forwards', 'HTTP2-Settings'
] as const

const connectionValue = fc.array(fc.constantFrom('close', 'keep-alive', 'Keep-Alive', 'authorization', 'Authorization', 'cookie', 'X-Custom', 'x-correlation-id', 'content-type', 'upgrade', 'content-length', '', 'x-api-key'), { minLength: 1, maxLength: 4 }).map(names => names.join(' ,'))
const header = fc.oneof(
  fc.tuple(fc.constantFrom(...NAMES, 'X-Custom'), value),
  fc.tuple(token.map(name => `X${name}`), value),
  fc.tuple(fc.constantFrom('Connection', 'connection'), connectionValue)
).map(([name, value]) => [name, /^connection$/i.test(name) ? value.replace(/[^\w\-, ]/g, '') : value] as const)

const segment = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcZ09-._~!$&\'()*+,=:@|;{}'), minLength: 1, maxLength: 10 }),
  fc.constantFrom('%7C', '%20', 'caf%C3%A9', '100%25', '%2B', 'a%2Fb', '.', '...', '', 'x..y')
).filter(text => !/^\.\.(;.*)?$/.test(text))
const query = fc.string({ unit: fc.constantFrom(...'ab=&?+%/.:;[]|"<>^`{}\\'), maxLength: 20 })
const climb = fc.constantFrom('..', '%2e%2e', '.%2E', '%252e%252e', '..;a=b', 'a\\..\\b', '%00', '%0d%0aX:%20y', '%c0%ae%c0%ae', '%', '%zz', '%2', '..%2f..%2f', '%5c')

const target = (faults: readonly Fault[]): fc.Arbitrary<string> => fc.record({
  route: faults.includes('no route') ? fc.constantFrom('', '/', '/venue', '/Venues', '/venuesx', '/operators', '/webhooks', '/x/venues', '//venues', '/%76enues') : fc.constantFrom('/venues', '/bookings'),
  segments: fc.array(segment, { maxLength: 4 }),
  climb,
  query: fc.option(query)
}).map(({ route, segments, climb, query }) => {
  const path = [route, ...segments, ...(faults.includes('climbs') ? [climb, 'x'] : [])].join('/')
  return `${path === '' ? '/' : path}${query === null ? '' : `?${query}`}`
})

const faults = fc.oneof({ weight: 3, arbitrary: fc.constant<Fault[]>([]) }, fc.subarray<Fault>(FAULTS.map(([fault]) => fault), { maxLength: 4 }))

/** A request that is forwarded unless it has a fault. */
export const randomRequest: fc.Arbitrary<RandomRequest> = faults.chain(faults => fc.record({
  faults: fc.constant(faults),
  method: faults.includes('method') ? fc.constantFrom('TRACE', 'PROPFIND', 'PURGE', 'REPORT') : fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  target: target(faults),
  headers: fc.array(header, { maxLength: 12 }),
  body: fc.oneof(fc.constant(Buffer.alloc(0)), fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)), fc.constant(Buffer.alloc(70_000, 'x'))),
  isChunked: fc.boolean()
}))

/** The bytes of a request, on a connection of its own. */
export function bytesOf ({ faults, method, target, headers, body, isChunked }: RandomRequest): Buffer {
  const has = (fault: Fault): boolean => faults.includes(fault)
  const lines = [
    `Host: ${has('strange host') ? 'evil.example' : 'localhost'}`,
    ...(has('two hosts') ? ['Host: localhost'] : []),
    ...(has('unknown expectation') ? ['Expect: 200-ok'] : []),
    ...(has('another site') ? ['Origin: https://evil.example'] : []),
    ...(has('no key') ? [] : [`X-Api-Key: ${KEY}`]),
    ...(has('too many headers') ? Array.from({ length: 500 }, () => 'A: b') : []),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    ...(isChunked ? ['Transfer-Encoding: chunked'] : body.length > 0 ? [`Content-Length: ${body.length}`] : [])
  ]
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (!isChunked) return Buffer.concat([head, body])
  const chunks = body.length === 0 ? [] : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]
  return Buffer.concat([head, ...chunks, Buffer.from('0\r\n\r\n')])
}

const isKey = (name: string): boolean => name.toLowerCase() === 'idempotency-key'

/** With a key that no other request has: else it would be taken for a repeat, or refused as another one's. */
export function withKeyOfItsOwn (request: RandomRequest, n: number): RandomRequest {
  return { ...request, headers: request.headers.map(([name, value]) => [name, isKey(name) && /^[^"\s]\S*$/.test(value) ? `${value}-${n}` : value]) }
}

/** What the contract says of a key, in other words than the code's. */
export function faultOfKey ({ method, headers, body }: RandomRequest): ProblemCode | undefined {
  const keys = headers.filter(([name]) => isKey(name)).map(([, value]) => value)
  if (keys.length === 0 || !['POST', 'PATCH'].includes(method)) return undefined
  const [key = ''] = keys
  const bare = key.startsWith('"') ? JSON.stringify(key.slice(1, -1)) === key && key.slice(1, -1) : key
  if (keys.length > 1 || typeof bare !== 'string' || bare === '' || [...bare].some(letter => letter <= ' ' || letter > '~')) return 'IDEMP-N-002'
  return body.length > 64 * 1024 ? 'PROXY-N-007' : undefined
}

/** What the contract says of headers, in other words than the code's: pairs that reach the API as they are, in their order. */
export function forwardedHeaders ({ method, headers }: RandomRequest): string[] {
  const gone = new Set(['authorization', 'host', 'connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'content-length', 'x-correlation-id', 'x-api-key'])
  if (method === 'POST' || method === 'PATCH') gone.add('idempotency-key')
  for (const [name, value] of headers) {
    if (name.toLowerCase() === 'connection') value.split(',').forEach(option => gone.add(option.trim().toLowerCase()))
  }
  return headers.filter(([name]) => !gone.has(name.toLowerCase()) && !/^proxy-/i.test(name)).map(([name, value]) => `${name}: ${value}`)
}
