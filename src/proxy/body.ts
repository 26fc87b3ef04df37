import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { MAX_HELD_BYTES } from '../answer.ts'
import type { Clock, Timer } from '../clock.ts'
import { Problem } from '../problem.ts'
import type { RequestBody } from '../request-body.ts'
import type { RequestHead } from './head.ts'

/** An upload that brings nothing for this long is given up. */
const MAX_UPLOAD_SILENCE_MS = 30_000

/** How much of a stream may wait for the API to take it. */
const STREAM_BUFFER_BYTES = 64 * 1024

/**
 * The body of an app's request: held whole where it is small, else a stream, with backpressure, that fails where the app breaks off, so
 * that the API never sees a part as the whole.
 * @returns the upload, to be stopped at the request's end
 * @param done is called once, with the body or with what stopped it
 */
export function takeBody (
  { req, res, head, clock }: { req: IncomingMessage, res: ServerResponse, head: RequestHead, clock: Clock },
  done: (failure: Problem | undefined, body: RequestBody) => void
): Upload {
  // Asked for only now, when the request was let in (RFC 9110 §10.1.1).
  // Behind a request whose answer is due, Node would write it amid the answer to this one. An app that sends ahead has its body on the way.
  if (head.expect?.toLowerCase() === '100-continue' && req.httpVersion === '1.1' && res.socket !== null) res.writeContinue()
  const upload = new Upload(req, clock)
  if ((head.contentLength ?? 0) > MAX_HELD_BYTES) done(undefined, upload.toStream([]))
  else upload.hold(done)
  return upload
}

/** Reads a request's body under a limit of silence. */
export class Upload {
  readonly #req: IncomingMessage
  readonly #clock: Clock
  #timer: Timer | undefined
  #isStopped = false

  constructor (req: IncomingMessage, clock: Clock) {
    this.#req = req
    this.#clock = clock
  }

  hold (done: (failure: Problem | undefined, body: RequestBody) => void): void {
    const req = this.#req
    const chunks: Buffer[] = []
    let bytes = 0
    const finish = (failure: Problem | undefined, body: RequestBody): void => {
      req.off('data', onData).off('end', onEnd).off('close', onClose)
      this.#timer?.cancel()
      done(failure, body)
    }
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_HELD_BYTES) finish(undefined, this.toStream(chunks))
      else this.#watch(() => finish(silence(), null))
    }
    const onEnd = (): void => finish(undefined, chunks.length === 1 ? chunks[0] ?? null : Buffer.concat(chunks))
    const onClose = (): void => finish(brokenOff(), null)
    req.on('data', onData).on('end', onEnd).on('close', onClose)
    this.#watch(() => finish(silence(), null))
  }

  /** @param first what was read already */
  toStream (first: readonly Buffer[]): Readable {
    const req = this.#req.pause()
    const stream = new Readable({
      highWaterMark: STREAM_BUFFER_BYTES,
      read: () => {
        this.#watch(() => stream.destroy(silence()))
        req.resume()
      },
      destroy: (error, callback) => {
        this.#timer?.cancel()
        // What still comes is read and thrown away, so that the app gets to see the answer.
        req.off('data', onData).resume()
        callback(error)
      }
    })
    // Whoever takes the stream listens too; until then, in the wait for a token or a connection, an app that breaks off must harm nobody else.
    stream.on('error', () => {})
    const onData = (chunk: Buffer): void => {
      // Then it reads again at once, and the watch begins anew.
      if (stream.push(chunk)) return
      // The API takes no more for now: the app's silence is our doing.
      this.#timer?.cancel()
      req.pause()
    }
    for (const chunk of first) stream.push(chunk)
    req.on('data', onData)
    req.on('end', () => {
      this.#timer?.cancel()
      stream.push(null)
    })
    req.on('close', () => { if (!req.complete) stream.destroy(brokenOff()) })
    req.pause()
    return stream
  }

  /** The request has ended, whether its body has or not. */
  stop (): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #watch (onSilence: () => void): void {
    this.#timer?.cancel()
    if (this.#isStopped) return
    this.#timer = this.#clock.setTimer(onSilence, MAX_UPLOAD_SILENCE_MS)
  }
}

function silence (): Problem {
  return new Problem('PROXY-N-006', `The body of the request stopped for ${MAX_UPLOAD_SILENCE_MS / 1000} s.`, { status: 408 })
}

/** Nobody reads it any more, but the log does. */
function brokenOff (): Problem {
  return new Problem('PROXY-N-006', 'The app broke off its upload.', { status: 408 })
}
