import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Far more than any app sends ahead; each takes kilobytes, and none is freed before those before it are answered. */
const MAX_WAITING = 100

const NEWEST = Symbol('newest')
const WAITING = Symbol('waiting')
const IS_ENDING = Symbol('is ending')

/** What we note on a connection: an app may send requests without waiting for the answers to earlier ones (RFC 9112 §9.3.2). */
type Connection = Duplex & { [NEWEST]?: ServerResponse, [WAITING]?: number, [IS_ENDING]?: true }

/**
 * Takes note of a request.
 * @returns whether it is to be looked at: not behind an answer that ends its connection (§9.6), for it may be the second half of a
 * malformed one. Nobody would get its answer anyway.
 */
export function begin (req: IncomingMessage, res: ServerResponse): boolean {
  const connection: Connection = req.socket
  if (connection[IS_ENDING] === true) return false
  connection[NEWEST] = res
  return res.socket !== null || mayWait(connection, res)
}

/** Whether another request may wait for the answers before its own; else the connection is cut. */
function mayWait (connection: Connection, res: ServerResponse): boolean {
  const waiting = connection[WAITING] = (connection[WAITING] ?? 0) + 1
  res.once('finish', () => { connection[WAITING] = (connection[WAITING] ?? 1) - 1 })
  if (waiting <= MAX_WAITING) return true
  connection[IS_ENDING] = true
  connection.destroy()
  return false
}

/**
 * Makes an answer the last one of its connection.
 * @returns whether it may be: not while a later request is being served, which could have been carried out and would get no answer
 */
export function endWith ({ req }: ServerResponse): boolean {
  const connection: Connection = req.socket
  // A later request's answer will end it.
  if (connection[NEWEST]?.req !== req) return false
  connection[IS_ENDING] = true
  return true
}

export function isEnding (connection: Connection): boolean {
  return connection[IS_ENDING] === true
}
