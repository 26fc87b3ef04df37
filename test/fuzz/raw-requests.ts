import fc from 'fast-check'

const HOST = 'Host: localhost\r\n'
const KEEP = 'Connection: keep-alive\r\n'

/** Proper requests, in the ways in which HTTP/1.1 can frame one. */
const PROPER = [
  `GET /venues/1?a=1&a=&b=%7C HTTP/1.1\r\n${HOST}Accept: */*\r\n\r\n`,
  `HEAD /bookings/1 HTTP/1.1\r\n${HOST}${KEEP}\r\n`,
  `POST /venues/1/booking HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{"partySize":4}`,
  `PUT /bookings/1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;ext=1\r\nhello\r\n3\r\nyou\r\n0\r\nX-T: 1\r\n\r\n`,
  `GET /venues HTTP/1.1\r\n${HOST}\r\nGET /bookings HTTP/1.1\r\n${HOST}\r\nDELETE /bookings/2 HTTP/1.1\r\n${HOST}\r\n`,
  `POST /venues/1 HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
  'GET /venues HTTP/1.0\r\nAuthorization: Bearer mine\r\nConnection: close, authorization\r\n\r\n',
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  `CONNECT localhost:443 HTTP/1.1\r\n${HOST}\r\n`,
  `GET /livez HTTP/1.1\r\n${HOST}\r\n`,
  `POST /venues/1/booking HTTP/1.1\r\n${HOST}Content-Length: 70000\r\n\r\n${'x'.repeat(70_000)}`
] as const

/** What has broken parsers before. */
const SPITE = [
  '\r\n', '\n', '\r', '\0', ' ', '\t', ':', '\x1b[2J', '\xff', '%00', '/../', '%2e%2e/', '\\', '#', 'HTTP/1.1', 'HTTP/9.9', '0\r\n\r\n', 'ffffffffffffffffff\r\n',
  'Content-Length: 0\r\n', 'Content-Length: 5\r\n', 'Content-Length: +1\r\n', 'Content-Length: 1, 1\r\n', 'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n', 'Transfer-Encoding: xchunked\r\n', 'Host: evil.example\r\n', 'Authorization: Bearer mine\r\n', 'Connection: close\r\n',
  'Connection: authorization, x-correlation-id, host, content-length\r\n', 'Expect: 100-continue\r\n', 'Upgrade: websocket\r\nConnection: Upgrade\r\n',
  ' folded: yes\r\n', `X: ${'a'.repeat(17_000)}\r\n`, 'A:b\r\n'.repeat(600), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x16\x03\x01\x02'
] as const

type Mutation = (bytes: Buffer) => Buffer

const place = fc.double({ min: 0, max: 1, noNaN: true })
const at = (bytes: Buffer, part: number): number => Math.floor(bytes.length * part)

/** In the head, if they can: a flipped bit in 70 KiB of body shows nothing. */
const inHead = (bytes: Buffer, part: number): number => Math.floor(Math.min(bytes.length, 300) * part)

const insert = (bytes: Buffer, index: number, what: Buffer): Buffer => Buffer.concat([bytes.subarray(0, index), what, bytes.subarray(index)])

function repeatLine (bytes: Buffer, part: number): Buffer {
  const lines = bytes.toString('latin1').split('\r\n')
  const n = Math.floor(Math.min(lines.length - 1, 8) * part)
  return Buffer.from([...lines.slice(0, n + 1), ...lines.slice(n)].join('\r\n'), 'latin1')
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(([part, bit]): Mutation => bytes => Buffer.from(bytes.map((byte, i) => i === inHead(bytes, part) ? byte ^ (1 << bit) : byte))),
  place.map((part): Mutation => bytes => bytes.subarray(0, at(bytes, part))),
  place.map((part): Mutation => bytes => repeatLine(bytes, part)),
  fc.tuple(place, fc.constantFrom(...SPITE)).map(([part, spite]): Mutation => bytes => insert(bytes, inHead(bytes, part), Buffer.from(spite, 'latin1'))),
  fc.tuple(fc.constantFrom(...SPITE)).map(([spite]): Mutation => bytes => insert(bytes, bytes.indexOf('\n') + 1, Buffer.from(spite, 'latin1'))),
  fc.tuple(place, place, fc.constantFrom(...PROPER)).map(([to, from, other]): Mutation => bytes => insert(bytes, inHead(bytes, to), Buffer.from(other.slice(Math.floor(other.length * from)))))
)

/** Proper requests that were hurt, once or more often. */
export const hurtRequest: fc.Arbitrary<Buffer> = fc.tuple(fc.constantFrom(...PROPER), fc.array(mutation, { maxLength: 4 }))
  .map(([proper, mutations]) => mutations.reduce<Buffer>((bytes, mutate) => mutate(bytes), Buffer.from(proper)))

const chunk = fc.record({
  data: fc.uint8Array({ maxLength: 20 }),
  size: fc.option(fc.constantFrom('', '-1', '0x3', '3;a=b', '3 ', ' 3', 'g', '00000000000000000003', 'fffffffffffffffff', '3\n', '0'), { freq: 3 }),
  end: fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '', '\r', 'X\r\n')
}).map(({ data, size, end }) => Buffer.concat([Buffer.from(`${size ?? data.length.toString(16)}\r\n`), data, Buffer.from(end)]))

/** A body in chunks, most of them proper, with an end that may lack; and another request behind it. */
export const chunkedRequest: fc.Arbitrary<Buffer> = fc.tuple(
  fc.array(chunk, { maxLength: 6 }), fc.constantFrom('0\r\n\r\n', '0\r\nX-T: 1\r\n\r\n', '0\r\n', '', '0\r\nAuthorization: Bearer mine\r\n\r\n', '0\r\n\0\r\n\r\n'), fc.boolean()
).map(([chunks, end, hasNext]) => Buffer.concat([
  Buffer.from(`POST /venues/1/booking HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`), ...chunks,
  Buffer.from(hasNext ? `${end}GET /operators HTTP/1.1\r\n${HOST}\r\n` : end)
]))

export const garbage: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes))

/** Cut in pieces, since a parser may stop anywhere. */
export function inPieces (bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<readonly Buffer[]> {
  return fc.tuple(bytes, fc.array(place, { maxLength: 2 })).map(([whole, cuts]) => {
    const places = [0, ...cuts.map(part => inHead(whole, part)).sort((a, b) => a - b), whole.length]
    return places.slice(1).map((end, i) => whole.subarray(places[i], end))
  })
}
