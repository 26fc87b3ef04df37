import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '../problem.ts'
import { MAX_HEAD_BYTES } from './listener.ts'
import { endWith } from './pipeline.ts'

/**
 * Answers with a problem, if nothing was sent yet.
 * @param isLast whether the connection is to end with it
 * @returns the bytes of its body
 */
export function sendProblem (res: ServerResponse, problem: Problem, correlationId: string, isLast: boolean): number {
  const body = JSON.stringify(problem.toBody())
  const bytes = Buffer.byteLength(body)
  const headers = problem.toHeaders(correlationId, bytes)
  if (isLast && endWith(res)) headers.push('Connection', 'close')
  // The reason phrase too: that of an answer which could not be written may be set already.
  res.writeHead(problem.status, STATUS_CODES[problem.status], headers)
  res.end(body)
  return bytes
}

/** The same for a request that the parser refused: there is no response object, and the connection is of no further use. */
export function sendProblemOnSocket (socket: Socket, problem: Problem, correlationId: string): void {
  const body = JSON.stringify(problem.toBody())
  const headers = problem.toHeaders(correlationId, Buffer.byteLength(body))
  const lines = [`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  // Node has handed this connection over: its errors, and what still comes on it, are ours to ignore.
  socket.on('error', () => {}).resume().write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`)
  socket.destroySoon()
}

/** The first byte of a connection that begins with TLS (RFC 8446 §5.1); no method begins with it. */
const TLS_HANDSHAKE = 0x16

/** What Node's parser says, as a problem; undefined where the app is gone and nobody would read it. */
export function problemOfClientError (error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }): Problem | undefined {
  // The app can't read it, but the log shows it.
  if (error.rawPacket?.[0] === TLS_HANDSHAKE) return new Problem('PROXY-N-006', 'An app began with TLS, and this port speaks none: give it a URL with http:// instead of https://.')
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('PROXY-N-007', `The request line and headers exceed ${MAX_HEAD_BYTES} bytes.`)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('PROXY-N-006', 'The head of the request did not arrive in time.', { status: 408 })
    default:
      return new Problem('PROXY-N-006', 'The request is not proper HTTP/1.1.')
  }
}
