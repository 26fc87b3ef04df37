import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.ts'

/** How long an app whose request was answered before it came whole may go on sending it: long enough to find the answer (nginx's lingering_time). */
const MAX_LINGER_MS = 30_000

/** Cuts the connection of a request that has been answered and does not come to its end. */
export function linger (req: IncomingMessage, clock: Clock): void {
  const { socket } = req
  if (socket.destroyed) return
  const done = (): void => {
    timer.cancel()
    req.off('end', done)
    socket.off('close', done)
  }
  const timer = clock.setTimer(() => {
    done()
    if (!req.complete) socket.destroy()
  }, MAX_LINGER_MS)
  req.once('end', done)
  socket.once('close', done)
}
