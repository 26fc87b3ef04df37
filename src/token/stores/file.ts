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
  /** By the credentials as they are now. */
  readonly readSeal: () => TokenSeal
  /** Told what was not used, or not written, and why. */
  readonly onRefused: (reason: string) => void
}

/** A token is a kilobyte or two. */
const MAX_BYTES = 256 * 1024
const OWNER_ONLY = 0o600
/** A clock that was set back by more makes ages unknown. */
const CLOCK_TOLERANCE_MS = 5_000

/** Why a file is not used; one of the future stays as it is. */
class Unusable extends Error {
  readonly isOfTheFuture: boolean

  constructor (why: string, isOfTheFuture = false) {
    super(why)
    this.isOfTheFuture = isOfTheFuture
  }
}

/** Keeps the token in a file, so that a restart within its life costs no request. */
export class FileTokenStore implements TokenStore {
  readonly #options: FileTokenStoreOptions

  constructor (options: FileTokenStoreOptions) {
    this.#options = options
  }

  async take ({ mayRequest }: TokenNeed, accept: Accept): Promise<Found> {
    const { path, onRefused } = this.#options
    let isOurs = true
    try {
      const candidate = await this.#read()
      const token = candidate === undefined ? undefined : await accept(candidate)
      if (token !== undefined) return { kind: 'token', token }
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      isOurs = !error.isOfTheFuture
      onRefused(`${path} ${error.message}; ${isOurs ? 'it will be replaced' : 'it is left alone, and the token kept in memory'}`)
    }
    if (!mayRequest) return { kind: 'none' }
    return { kind: 'turn', turn: isOurs ? { ...ALONE, keep: async token => this.#write(token) } : ALONE }
  }

  /** @returns undefined where there is none */
  async #read (): Promise<DatedToken | undefined> {
    const { clock, path, readSeal } = this.#options
    const text = await readOwn(path)
    if (text === undefined) return undefined
    const { token, issuedAtMs } = unseal(readSeal(), boxIn(text))
    const now = momentOf(clock)
    const ageMs = now.wallMs - issuedAtMs
    if (ageMs < -CLOCK_TOLERANCE_MS) throw new Unusable('holds a token of a time that is yet to come: the clock was set back')
    return { ...token, issuedAt: later(now, -Math.max(ageMs, 0)), isStored: true }
  }

  /** Whole or not at all: whoever reads meanwhile, or after a crash, finds the one before. */
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

/** The text of a file that nobody else could have read; of no link, which may lead anywhere, and of nothing that would not end. */
async function readOwn (path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const status = await file.stat()
      if (!status.isFile()) throw new Unusable('is no file')
      if ((status.mode & 0o077) !== 0) throw new Unusable(`may be read or written by others (mode ${(status.mode & 0o777).toString(8)})`)
      if (status.size > MAX_BYTES) throw new Unusable('is larger than any token')
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Unusable) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new Unusable(`cannot be read (${code})`)
  }
}

function boxIn (text: string): string {
  try {
    const { format, box } = JSON.parse(text) as { format?: unknown, box?: unknown }
    if (typeof format === 'number' && format > FORMAT) throw new Unusable(`was written by a newer version (format ${format})`, true)
    if (format === FORMAT && typeof box === 'string') return box
  } catch (error) {
    if (error instanceof Unusable) throw error
  }
  throw new Unusable('is torn, or no token store')
}

function unseal (seal: TokenSeal, box: string): ReturnType<TokenSeal['open']> {
  try {
    return seal.open(box)
  } catch (error) {
    throw new Unusable((error as Error).message)
  }
}
