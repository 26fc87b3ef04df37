import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

const NEWEST = Symbol('newest')
const IS_ENDING = Symbol('is ending')

/** What we note on a connection: an app may send requests without waiting for the answers to earlier ones (RFC 9112 §9.3.2). */
type Connection = Duplex & { [NEWEST]?: ServerResponse, [IS_ENDING]?: true }

/**
 * Takes note of a request.
 * @returns whether it is to be looked at: not behind an answer that ends its connection (§9.6), for it may be the second half of a
 * malformed one. Nobody would get its answer anyway.
 */
export function begin (req: IncomingMessage, res: ServerResponse): boolean {
  const connection: Connection = req.socket
  if (connection[IS_ENDING] === true) return false
  connection[NEWEST] = res
  return true
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
