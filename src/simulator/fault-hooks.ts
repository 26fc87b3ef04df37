import type { FastifyReply, onSendHookHandler } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Faults } from './faults.ts'
import { BookableProblem } from './problems.ts'

/** Answers or cuts a token request, where a fault says so: of several the first one here. Undefined when it may go on. */
export function failTokenRequest ({ current }: Faults, reply: FastifyReply): FastifyReply | undefined {
  const retryAfterS = current['token-rate-limit']
  if (current['token-reset']) return cut(reply)
  if (current['token-down']) return reply.code(503).type('text/plain').send('Service Unavailable')
  if (current['token-refuse']) return reply.code(401).send({ error: 'access_denied', error_description: 'Unauthorized' })
  if (retryAfterS !== undefined) {
    return reply.code(429).header('retry-after', retryAfterS).send({ error: 'too_many_requests', error_description: 'Global limit has been reached' })
  }
  if (current['token-garbage']) return reply.type('text/html').send('<!doctype html><title>Welcome to the hotel Wi-Fi</title>')
  return undefined
}

/**
 * Cuts an API request before anything is done, where a fault says so. Undefined when it may go on.
 * @throws HTTP-R-500 where that is the fault
 */
export function failApiRequest ({ current }: Faults, reply: FastifyReply): FastifyReply | undefined {
  if (current['api-down']) return cut(reply)
  if (current['api-error']) throw new BookableProblem('HTTP-R-500', 'Something went wrong.')
  return undefined
}

/** Holds back or breaks off answers that are ready: what was asked for has been done by then. Clearing a fault frees no answer that it holds. */
export function failAnswers (side: 'token' | 'api', faults: Faults, clock: Clock): onSendHookHandler {
  return (_request, reply, payload, done) => {
    const { current } = faults
    // Fastify sends when done is called, so never.
    if (current[`${side}-hang`]) return
    const slowMs = current[`${side}-slow`] ?? 0
    const breakAfterBytes = side === 'api' ? current['api-break'] : undefined
    const send = breakAfterBytes === undefined ? () => done() : () => breakOff(reply, payload, breakAfterBytes)
    if (slowMs === 0) return send()
    const timer = clock.setTimer(send, slowMs)
    reply.raw.once('close', () => timer.cancel())
  }
}

/** The peer sees a reset and no byte of an answer. */
function cut (reply: FastifyReply): FastifyReply {
  reply.hijack()
  reply.request.raw.socket.resetAndDestroy()
  return reply
}

function breakOff (reply: FastifyReply, payload: unknown, bytes: number): void {
  const { raw, statusCode, request: { raw: { socket } } } = reply
  const body = Buffer.from(typeof payload === 'string' ? payload : '')
  // RFC 9110 §8.6: no Content-Length in a 204.
  if (statusCode !== 204) reply.header('content-length', body.length)
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value)
  }
  raw.writeHead(statusCode).flushHeaders()
  raw.write(body.subarray(0, bytes))
  // A reset discards what has not left yet, so it waits until all has.
  socket.write('', () => socket.resetAndDestroy())
}
