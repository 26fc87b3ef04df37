import { createRequire } from 'node:module'
import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger }

/**
 * The log: JSON lines on stdout, or made pretty for a person at a terminal where pino-pretty is installed.
 * @param level a pino level, or silent
 */
export function createLogger (level: string): Logger {
  return pino({ level, base: null }, process.stdout.isTTY ? prettyStream() : pino.destination({ fd: 1, sync: true }))
}

function prettyStream (): DestinationStream {
  try {
    // Not a dependency: a server's log is for machines. Looked for beside this program, never in the folder that one happens to stand in.
    const { build } = createRequire(import.meta.url)('pino-pretty') as { build: (options: object) => DestinationStream }
    return build({ translateTime: 'HH:MM:ss.l', ignore: 'reqId,correlationId', singleLine: true, sync: true })
  } catch {
    return pino.destination({ fd: 1, sync: true })
  }
}
