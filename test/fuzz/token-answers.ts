import fc from 'fast-check'

/** Of the token request; a server may well repeat it in what it answers. */
export const SECRET = 'obviously-fake-"secret"+/='

export interface TokenAnswer {
  readonly pieces: readonly Buffer[]
  readonly ending: 'end' | 'reset' | 'hang'
}

const NUMBERS = [0, -0, 0.5, 1, 1.5, 59, 3600, -1, 1e12, 1e308, -1e308, Number.MAX_SAFE_INTEGER, 5e-324] as const
const NUMERALS = ['0', '3600', '-1', '1e3', '0x10', ' 60', '60 ', '+60', '1.5', '9'.repeat(400), `-${'9'.repeat(400)}`, 'NaN', 'Infinity', 'soon', ''] as const

const duration = fc.oneof(fc.constantFrom<unknown>(...NUMBERS, ...NUMERALS), fc.integer(), fc.double(), fc.jsonValue())
const when = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 2 ** 32 }) }, { weight: 2, arbitrary: fc.constantFrom(...NUMERALS) }, duration)

const part = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')
const dates = fc.oneof(fc.record({ exp: when, iat: when }, { requiredKeys: [] }), when.map(same => ({ exp: same, iat: same })))
const jwt = fc.tuple(dates, fc.jsonValue()).map(([dates, scope]) => `${part({ alg: 'RS256' })}.${part({ ...dates, scope })}.${part('signature')}`)
const accessToken = fc.oneof({ weight: 3, arbitrary: jwt }, fc.constantFrom<unknown>('opaque', '', 'a b', 'a\r\nX-Evil: 1', 'tökén', 'a\0', '..', 'a.b.c', 'a.%%%.c'), fc.string({ minLength: 1 }), fc.jsonValue())

/** What looks like a token response, and anything else that JSON can say. */
export const tokenJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ access_token: accessToken, token_type: fc.constantFrom<unknown>('Bearer', 'bearer', 'BEARER', 'mac', 7, null, ['Bearer']), expires_in: duration, scope: fc.jsonValue() }, { requiredKeys: ['access_token'] }) },
  { weight: 4, arbitrary: fc.record({ access_token: accessToken, expires_in: duration }, { requiredKeys: ['access_token'] }) },
  fc.jsonValue()
)

const odd = fc.array(fc.constantFrom('a', ' ', '\r', '\n', '\0', '\u001b[2J', '\u009b', '\u2028', '"', '\\', 'é', '😀', '\ud800', SECRET, `${SECRET.slice(0, 9)}\n${SECRET.slice(9)}`, 'x'.repeat(300)), { maxLength: 12 }).map(parts => parts.join(''))

const errorJson = fc.record({ error: fc.oneof(odd, fc.jsonValue()), error_description: odd, message: odd }, { requiredKeys: ['error'] })
const deep = fc.constantFrom('[', '{"a":').map(open => open.repeat(20_000))
const body = fc.oneof(
  { weight: 4, arbitrary: tokenJson.map(json => Buffer.from(JSON.stringify(json) ?? '')) },
  { weight: 4, arbitrary: errorJson.map(json => Buffer.from(JSON.stringify(json))) },
  fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  deep.map(text => Buffer.from(text)),
  fc.constant(Buffer.from(JSON.stringify({ access_token: 'x'.repeat(70_000), expires_in: 1 }))),
  fc.constant(Buffer.from('\ufeff{"access_token":"a","expires_in":1}'))
)

const header = fc.oneof(
  fc.constantFrom('0', '1', '5', '-5', '1.5', '3000000000', '9'.repeat(400), 'soon', 'Mon, 01 Jun 2026 12:00:09 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', '0000', '1e9', '').map(value => `Retry-After: ${value}`),
  fc.constantFrom('0', '1780000000', '9'.repeat(30), '-1', 'x').map(value => `X-RateLimit-Reset: ${value}`),
  fc.constantFrom('Content-Type: text/html', 'Location: /elsewhere', 'Content-Encoding: gzip', 'WWW-Authenticate: Basic', 'Set-Cookie: a=b', `X: ${'a'.repeat(20_000)}`)
)

const status = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(200, 200, 400, 401, 403) }, fc.constantFrom(201, 204, 205, 206, 299, 302, 304, 307, 404, 418, 429, 500, 503, 599, 600, 999), fc.integer({ min: 100, max: 999 }))

/** Whole answers, most of them HTTP. */
export const tokenAnswer: fc.Arbitrary<TokenAnswer> = fc.record({
  status,
  reason: fc.constantFrom('OK', '', 'Odd Phrase', SECRET),
  headers: fc.array(header, { maxLength: 3 }),
  body,
  isFramed: fc.boolean(),
  isHttp: fc.integer({ min: 0, max: 9 }).map(n => n > 0),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  ending: fc.constantFrom('end', 'end', 'end', 'reset', 'hang')
}).map(({ status, reason, headers, body, isFramed, isHttp, cuts, ending }) => {
  const length = isFramed ? [`Content-Length: ${body.length}`] : []
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${[...headers, ...length, 'Connection: close'].join('\r\n')}\r\n\r\n`)
  const whole = isHttp ? Buffer.concat([head, body]) : body
  const places = [0, ...cuts.map(part => Math.floor(part * whole.length)).sort((a, b) => a - b), whole.length]
  const pieces = places.slice(1).map((end, i) => whole.subarray(places[i], end))
  return { pieces, ending }
})
