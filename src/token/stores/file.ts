import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { later, momentOf, type Clock } from '../../clock.ts'
import type { TokenNeed } from '../source.ts'
import { FORMAT, type TokenSeal } from './seal.ts'
import { ALONE, type Accept, type DatedToken, type Found, type TokenStore } from './store.ts'

export interface FileTokenStoreOptions {
  readonly clock: Clock
  readonly path: string
  /** Made of the credentials in use. */
  readonly readSeal: () => TokenSeal
  /** Told what was not used, or not written, and why. */
  readonly onRefused: (reason: string) => void
}

/** A token is a kilobyte or two. */
const MAX_BYTES = 256 * 1024
const OWNER_ONLY = 0o600
/** A clock that was set back by more makes ages unknown. */
const CLOCK_TOLERANCE_MS = 5_000

/** The file is of a newer version, which may want it back. */
class NewerFormat extends Error {}

/** Keeps the token in a file, so that a restart within its life costs no request. */
export class FileTokenStore implements TokenStore {
  readonly #options: FileTokenStoreOptions

  constructor (options: FileTokenStoreOptions) {
    this.#options = options
  }

  async take ({ mayRequest }: TokenNeed, accept: Accept): Promise<Found> {
    const { path, onRefused } = this.#options
    let mayReplace = true
    const candidate = await this.#read().catch((error: Error) => {
      mayReplace = !(error instanceof NewerFormat)
      onRefused(`${path} ${error.message}; ${mayReplace ? 'it will be replaced' : 'it is left alone, and the token kept in memory'}`)
    })
    const token = candidate === undefined ? undefined : await accept(candidate)
    if (token !== undefined) return { kind: 'token', token }
    if (!mayRequest) return { kind: 'none' }
    return { kind: 'turn', turn: mayReplace ? { ...ALONE, keep: async token => this.#write(token) } : ALONE }
  }

  /**
   * @returns undefined where there is none
   * @throws an Error whose message goes on where the path stands
   */
  async #read (): Promise<DatedToken | undefined> {
    const { clock, path, readSeal } = this.#options
    const text = await readOwn(path)
    if (text === undefined) return undefined
    const { token, issuedAtMs } = readSeal().open(boxIn(text))
    const now = momentOf(clock)
    const ageMs = now.wallMs - issuedAtMs
    if (ageMs < -CLOCK_TOLERANCE_MS) throw new Error('holds a token of a time that is yet to come: the clock was set back')
    return { ...token, issuedAt: later(now, -Math.max(ageMs, 0)), isStored: true }
  }

  /** Replaces the file in one step: whoever reads it meanwhile, or after a crash, finds the old token or the new one. */
  async #write (token: DatedToken): Promise<void> {
    const { path, readSeal, onRefused } = this.#options
    const draft = `${path}.${randomUUID()}`
    try {
      const file = await open(draft, 'wx', OWNER_ONLY)
      try {
        await file.writeFile(`${JSON.stringify({ format: FORMAT, box: readSeal().seal(token, token.issuedAt.wallMs) })}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, path)
    } catch (error) {
      onRefused(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}); the token is kept in memory`)
      await rm(draft, { force: true }).catch(() => {})
    }
  }
}

/** The text of a regular file that its owner alone may read: a link may lead anywhere, and a pipe would not end. */
async function readOwn (path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const status = await file.stat()
      if (!status.isFile()) throw new Error('is no file')
      if ((status.mode & 0o077) !== 0) throw new Error(`may be read or written by others (mode ${(status.mode & 0o777).toString(8)})`)
      if (status.size > MAX_BYTES) throw new Error('is larger than any token')
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw code === undefined ? error : new Error(`cannot be read (${code})`)
  }
}

function boxIn (text: string): string {
  const { format, box } = recordIn(text)
  if (typeof format === 'number' && format > FORMAT) throw new NewerFormat(`was written by a newer version (format ${format})`)
  if (format !== FORMAT || typeof box !== 'string') throw new Error('is torn, or no token store')
  return box
}

/** @returns an empty one where the text is no record */
function recordIn (text: string): { readonly format?: unknown, readonly box?: unknown } {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}
