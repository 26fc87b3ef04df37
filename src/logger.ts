import { createRequire } from 'node:module'
import { pino, symbols, type DestinationStream, type Logger } from 'pino'

export type { Logger }

/** Where whole lines go, each with its line feed. */
export type Lines = DestinationStream

/**
 * The log: JSON lines on stdout, or made pretty for a person at a terminal where pino-pretty is installed.
 * @param level a pino level, or silent
 */
export function createLogger (level: string): Logger {
  return pino({ level, base: null }, process.stdout.isTTY ? prettyStream() : joinedLines())
}

/** Where the logger writes, for lines that are made without it. */
export function linesOf (logger: Logger): Lines {
  return (logger as Logger & { readonly [symbols.streamSym]: Lines })[symbols.streamSym]
}

/**
 * Lines that come in one turn of the event loop are written together, at its end or that of the process: a system call costs more than
 * everything else about a line.
 */
function joinedLines (): Lines {
  const stdout = pino.destination({ fd: 1, sync: true })
  let waiting = ''
  const flush = (): void => {
    const lines = waiting
    waiting = ''
    if (lines !== '') stdout.write(lines)
  }
  process.on('exit', flush)
  return {
    write (line) {
      if (waiting === '') setImmediate(flush)
      waiting += line
    }
  }
}

function prettyStream (): Lines {
  try {
    // Not a dependency: a server's log is for machines. Looked for beside this program, never in the current folder.
    const { build } = createRequire(import.meta.url)('pino-pretty') as { build: (options: object) => DestinationStream }
    return build({ translateTime: 'HH:MM:ss.l', ignore: 'reqId,correlationId', singleLine: true, sync: true })
  } catch {
    return pino.destination({ fd: 1, sync: true })
  }
}
