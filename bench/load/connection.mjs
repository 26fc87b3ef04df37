import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'

const HEAD_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

/** One for all connections: what is in it is taken before the next one reads. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** A raw socket that is kept alive, with one request at a time on it: a load must cost less than what it measures. */
export class Connection {
  /**
   * @param {{ port: number, ca?: string }} target TLS where there is a certificate to trust
   * @param {(error: Error) => void} onFailure also of each answer but a whole 200
   * @returns {Promise<Connection>}
   */
  static open ({ port, ca }, onFailure) {
    return new Promise(resolve => {
      const connection = new Connection(onFailure, take => ca === undefined
        ? connectTcp({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback: bytes => { take(buffer.subarray(0, bytes)); return true } } }, () => resolve(connection))
        : connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => resolve(connection)).setNoDelay().on('data', take))
    })
  }

  /** @type {(() => void) | undefined} */
  #onAnswer
  #onFailure
  #missingBytes = 0
  #held = NOTHING

  /**
   * @param {(error: Error) => void} onFailure
   * @param {(take: (chunk: Buffer) => void) => import('node:net').Socket} connect
   */
  constructor (onFailure, connect) {
    this.#onFailure = onFailure
    this.socket = connect(chunk => {
      try {
        this.#take(chunk)
      } catch (error) {
        onFailure(error)
      }
    })
    this.socket.on('error', onFailure)
    this.socket.on('close', () => { if (this.#onAnswer !== undefined) this.#onFailure(new Error('a connection was closed in the middle of a request')) })
  }

  /**
   * @param {string} request head and body, or the head alone where the body follows by `socket`
   * @param {() => void} onAnswer once it is there as a whole
   */
  ask (request, onAnswer) {
    this.#onAnswer = onAnswer
    this.socket.write(request, 'latin1')
  }

  /** @param {Buffer} chunk valid only during the call */
  #take (chunk) {
    if (this.#missingBytes === 0) {
      const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
      const headEnd = bytes.indexOf(HEAD_END)
      if (headEnd === -1) {
        this.#held = Buffer.from(bytes)
        return
      }
      this.#missingBytes = bodyLength(bytes.latin1Slice(0, headEnd)) - (bytes.length - headEnd - HEAD_END.length)
      this.#held = NOTHING
    } else {
      this.#missingBytes -= chunk.length
    }
    if (this.#missingBytes < 0) throw new Error('more bytes came than the answer has')
    if (this.#missingBytes > 0) return
    const onAnswer = this.#onAnswer
    if (onAnswer === undefined) throw new Error('an answer came that nobody asked for')
    this.#onAnswer = undefined
    onAnswer()
  }
}

/** @param {string} head */
function bodyLength (head) {
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? []
  if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`unexpected answer: ${head}`)
  return Number(length)
}
