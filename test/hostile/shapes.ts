/** Requests whose end, or whose meaning, two servers may see differently (RFC 9112 §11.2), as bytes, a character each. */
export interface Shape {
  readonly what: string
  /** `body`: the head is proper, the fault comes in the chunks after it. */
  readonly fault: 'head' | 'body'
  /** Whether nothing at all may come back: the other side speaks another protocol, and no HTTP answer would be read. */
  readonly mayBeSilent: boolean
  readonly request: (path: string) => string
}

const HOST = 'Host: localhost\r\n'
const CHUNK = '5\r\nhello\r\n0\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** A TLS 1.2 record with the start of a ClientHello. */
const CLIENT_HELLO = `\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03${'r'.repeat(32)}\x00\x00\x04\x13\x01\x00\xff\x01\x00`

/** Connection preface and an empty SETTINGS frame (RFC 9113 §3.4). */
const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'

/** Faults in the headers of a POST, each with the body behind it. */
const FRAMINGS: ReadonlyArray<readonly [what: string, headers: string, body: string]> = [
  ['Content-Length before Transfer-Encoding', `Content-Length: 5\r\n${CHUNKED}`, '0\r\n\r\n'],
  ['Transfer-Encoding before Content-Length', `${CHUNKED}Content-Length: 5\r\n`, '0\r\n\r\n'],
  ['two equal Content-Lengths', 'Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'],
  ['two different Content-Lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n', 'hello'],
  ['a Content-Length that is a list', 'Content-Length: 5, 5\r\n', 'hello'],
  ['a Content-Length with a plus', 'Content-Length: +5\r\n', 'hello'],
  ['a negative Content-Length', 'Content-Length: -1\r\n', ''],
  ['a hexadecimal Content-Length', 'Content-Length: 0x5\r\n', 'hello'],
  ['a Content-Length with junk', 'Content-Length:  5x\r\n', 'hello'],
  ['a Content-Length with a space in it', 'Content-Length: 5 5\r\n', 'hello'],
  ['a fractional Content-Length', 'Content-Length: 5.0\r\n', 'hello'],
  ['a Content-Length beyond 64 bits', 'Content-Length: 99999999999999999999999\r\n', 'hello'],
  ['an empty Content-Length', 'Content-Length:\r\n', 'hello'],
  ['a space before the colon of Content-Length', 'Content-Length : 5\r\n', 'hello'],
  ['chunked, identity', 'Transfer-Encoding: chunked, identity\r\n', CHUNK],
  ['identity', 'Transfer-Encoding: identity\r\n', 'hello'],
  ['identity, chunked', 'Transfer-Encoding: identity, chunked\r\n', CHUNK],
  ['gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n', CHUNK],
  ['xchunked', 'Transfer-Encoding: xchunked\r\n', CHUNK],
  ['chunked in quotes', 'Transfer-Encoding: "chunked"\r\n', CHUNK],
  ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n', CHUNK],
  ['chunked behind a comma', 'Transfer-Encoding: , chunked\r\n', CHUNK],
  ['chunked with a parameter', 'Transfer-Encoding: chunked;q=1\r\n', CHUNK],
  ['chunked behind a vertical tab', 'Transfer-Encoding: \x0bchunked\r\n', CHUNK],
  ['chunked before a vertical tab', 'Transfer-Encoding: chunked\x0b\r\n', CHUNK],
  ['an empty Transfer-Encoding', 'Transfer-Encoding:\r\n', ''],
  ['two Transfer-Encodings, equal', CHUNKED + CHUNKED, CHUNK],
  ['two Transfer-Encodings, chunked and identity', `${CHUNKED}Transfer-Encoding: identity\r\n`, CHUNK],
  ['two Transfer-Encodings, identity and chunked', `Transfer-Encoding: identity\r\n${CHUNKED}`, CHUNK],
  ['a space before the colon of Transfer-Encoding', 'Transfer-Encoding : chunked\r\n', CHUNK],
  ['a folded Transfer-Encoding', 'Transfer-Encoding:\r\n chunked\r\n', CHUNK],
  ['a tab before Transfer-Encoding', `X: y\r\n\t${CHUNKED}`, CHUNK]
]

/** Faults in the head of a GET, with its path in place of PATH. */
const HEADS: ReadonlyArray<readonly [what: string, head: string]> = [
  ['a folded header', `GET PATH HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`],
  ['a folded header before all others', `GET PATH HTTP/1.1\r\n X: a\r\n${HOST}\r\n`],
  ['lines that end in LF', 'GET PATH HTTP/1.1\nHost: localhost\n\n'],
  ['one header that ends in LF', `GET PATH HTTP/1.1\r\n${HOST}X: a\nY: b\r\n\r\n`],
  ['a head that ends in LF', `GET PATH HTTP/1.1\r\n${HOST}\n`],
  ['a CR in a header', `GET PATH HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`],
  ['a CR before a header', `GET PATH HTTP/1.1\r\n${HOST}\rX: a\r\n\r\n`],
  ['a CR too many in the request line', `GET PATH HTTP/1.1\r\r\n${HOST}\r\n`],
  ['a NUL in a header', `GET PATH HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`],
  ['a DEL in a header', `GET PATH HTTP/1.1\r\n${HOST}X: a\x7fb\r\n\r\n`],
  ['a NUL in a header name', `GET PATH HTTP/1.1\r\n${HOST}X\0: a\r\n\r\n`],
  ['no Host', 'GET PATH HTTP/1.1\r\nX: a\r\n\r\n'],
  ['two Hosts', `GET PATH HTTP/1.1\r\n${HOST}Host: api.bookabletech.com\r\n\r\n`],
  ['two equal Hosts', `GET PATH HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  ['a space in a header name', `GET PATH HTTP/1.1\r\n${HOST}X Y: a\r\n\r\n`],
  ['an empty header name', `GET PATH HTTP/1.1\r\n${HOST}: a\r\n\r\n`],
  ['a header without a colon', `GET PATH HTTP/1.1\r\n${HOST}X\r\n\r\n`],
  ['an HTTP/0.9 request', 'GET PATH\r\n'],
  ['an HTTP/0.9 request by its number', `GET PATH HTTP/0.9\r\n${HOST}\r\n`],
  ['HTTP/1.2', `GET PATH HTTP/1.2\r\n${HOST}\r\n`],
  ['HTTP/1.11', `GET PATH HTTP/1.11\r\n${HOST}\r\n`],
  ['HTTP/2.0 by its number', `GET PATH HTTP/2.0\r\n${HOST}\r\n`],
  ['HTTP/3.0 by its number', `GET PATH HTTP/3.0\r\n${HOST}\r\n`],
  ['http in lower case', `GET PATH http/1.1\r\n${HOST}\r\n`],
  ['another protocol', `GET PATH ICY/1.0\r\n${HOST}\r\n`],
  ['two targets', `GET PATH HTTP/1.1 PATH HTTP/1.1\r\n${HOST}\r\n`],
  ['controls before the method', `\x01\x02GET PATH HTTP/1.1\r\n${HOST}\r\n`],
  ['a letter before the method', `xGET PATH HTTP/1.1\r\n${HOST}\r\n`],
  ['a space before the method', ` GET PATH HTTP/1.1\r\n${HOST}\r\n`],
  ['a method in lower case', `get PATH HTTP/1.1\r\n${HOST}\r\n`],
  ['tabs in the request line', `GET\tPATH\tHTTP/1.1\r\n${HOST}\r\n`],
  ['an answer instead of a request', `HTTP/1.1 200 OK\r\n${HOST}\r\n`]
]

/** Faults in the chunks of a body. */
const CHUNKS: ReadonlyArray<readonly [what: string, chunks: string]> = [
  ['a chunk size with junk', '5z\r\nhello\r\n0\r\n\r\n'],
  ['a negative chunk size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size with a plus', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size beyond 64 bits', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
  ['a space behind the chunk size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['chunks that end in LF', '5\nhello\n0\n\n'],
  ['a chunk extension of 20 KB', `5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
  ['a chunk extension that ends in LF', '5;x\nhello\r\n0\r\n\r\n'],
  ['a CR in a chunk extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['an open quote in a chunk extension', '5;a="x\r\nhello\r\n0\r\n\r\n'],
  ['chunk data without CRLF', '5\r\nhello0\r\n\r\n'],
  ['chunk data longer than told', '5\r\nhello world\r\n0\r\n\r\n'],
  ['Content-Length as a trailer', '5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n'],
  ['a trailer with a space in its name', '5\r\nhello\r\n0\r\nX Y: z\r\n\r\n']
]

const post = (path: string, headers: string, body: string): string => `POST ${path} HTTP/1.1\r\n${HOST}${headers}\r\n${body}`

export const SHAPES: readonly Shape[] = [
  ...FRAMINGS.map(([what, headers, body]) => ({ what, fault: 'head', mayBeSilent: false, request: (path: string) => post(path, headers, body) }) as const),
  ...HEADS.map(([what, head]) => ({ what, fault: 'head', mayBeSilent: false, request: (path: string) => head.replaceAll('PATH', path) }) as const),
  { what: 'the preface of HTTP/2', fault: 'head', mayBeSilent: true, request: () => HTTP2_PREFACE },
  { what: 'a TLS handshake', fault: 'head', mayBeSilent: true, request: () => CLIENT_HELLO },
  ...CHUNKS.map(([what, chunks]) => ({ what, fault: 'body', mayBeSilent: false, request: (path: string) => post(path, CHUNKED, chunks) }) as const)
]

/** What a smuggler hides behind a shape: it must never be taken for a request. */
export const smuggled = (path: string): string => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`
