import { connect } from 'node:net'
import { sendRaw } from '../helpers/servers.ts'
import type { Markers } from './markers.ts'

const CRLF = '\r\n'

/** An app that has something to hide in everything that it sends. */
export class CanaryApp {
  readonly #markers: Markers
  readonly #url: string
  #asked = 0

  constructor (markers: Markers, url: string) {
    this.#markers = markers
    this.#url = url
  }

  /** All that comes back. */
  async ask (requestLine: string, { headers = [], body = '' }: { headers?: readonly string[], body?: string } = {}): Promise<string> {
    return this.send([`${requestLine} HTTP/1.1`, ...this.#headers(headers), 'Connection: close', ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`])].join(CRLF) + CRLF + CRLF + body)
  }

  /** A connection that the sidecar resets has nothing to tell. */
  async send (text: string): Promise<string> {
    return sendRaw(this.#url, text).catch(() => '')
  }

  /** Chunks, and trailers behind them. */
  async upload (target: string, body: string): Promise<string> {
    const plant = this.#markers.plant.bind(this.#markers)
    const head = [`POST ${target} HTTP/1.1`, ...this.#headers([]), 'Connection: close', 'Transfer-Encoding: chunked', 'Trailer: X-Trailer']
    const chunk = `${Buffer.byteLength(body).toString(16)};extension=${plant('a chunk extension', 'plain')}${CRLF}${body}${CRLF}`
    return this.send(`${head.join(CRLF)}${CRLF}${CRLF}${chunk}0${CRLF}X-Trailer: ${plant('a trailer', 'plain')}${CRLF}${CRLF}`)
  }

  /** Leaves amid its body. */
  async leave (target: string): Promise<void> {
    const socket = connect(Number(new URL(this.#url).port), '127.0.0.1').on('error', () => {})
    const closed = new Promise(resolve => socket.on('close', resolve))
    const text = [`POST ${target} HTTP/1.1`, ...this.#headers([]), 'Content-Length: 1000'].join(CRLF) + CRLF + CRLF + this.#markers.plant('half a body')
    socket.write(text, () => socket.end())
    await closed
  }

  #headers (more: readonly string[]): string[] {
    const plant = this.#markers.plant.bind(this.#markers)
    const own = [
      'Host: localhost', `X-Api-Key: ${plant('the key for apps')}`, `Authorization: Bearer ${plant('the Authorization of an app', 'plain')}`, `Cookie: session=${plant('a cookie', 'plain')}`,
      `X-Custom: ${plant('a header of an app')}`, `User-Agent: ${plant('a User-Agent')}`, `Referer: https://a.example/?${plant('a Referer', 'plain')}`, `Idempotency-Key: ${plant('an Idempotency-Key', 'plain')}-${++this.#asked}`,
      `X-${plant('the name of a header', 'plain')}: 1`, `X-Correlation-ID: ${plant('the correlation id', 'plain')}`
    ]
    const names = more.map(header => header.split(':')[0]?.toLowerCase())
    return [...own.filter(header => !names.includes(header.split(':')[0]?.toLowerCase())), ...more]
  }
}
