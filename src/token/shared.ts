import { delay, isPast, later, momentOf, type Clock } from '../clock.ts'
import { Problem } from '../problem.ts'
import type { TokenEndpoint } from './endpoint.ts'
import type { SourcedToken, TokenNeed, TokenSource } from './source.ts'
import type { DatedToken, TokenStore, Turn } from './stores/store.ts'
import type { Verification } from './verified.ts'

export interface SharedSourceOptions {
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  /** Whose tokens are verified already. */
  readonly endpoint: TokenEndpoint
  readonly verification: Verification
  readonly store: TokenStore
  /** How long another sidecar may take to get a token. */
  readonly waitMs: number
  /** Told why a stored token was not used. */
  readonly onRefused: (reason: string) => void
  readonly stop: AbortSignal
}

/** Between looks at whether another sidecar has got one. */
const POLL = { firstMs: 25, capMs: 250 } as const

/** Tokens from a store, and from the token endpoint where it has none that is newer: one request for all who share it. */
export class SharedTokenSource implements TokenSource {
  readonly hasStore = true
  readonly #options: SharedSourceOptions
  #asking: Promise<unknown> = Promise.resolve()
  #telling: Promise<void> = Promise.resolve()

  constructor (options: SharedSourceOptions) {
    this.#options = options
  }

  haveCredentialsChanged (): boolean {
    return this.#options.endpoint.haveCredentialsChanged()
  }

  async requestToken (need: TokenNeed): Promise<SourcedToken | undefined> {
    const { clock, random, store, waitMs, stop } = this.#options
    const untilMs = clock.monotonicMs() + waitMs
    for (let pollMs: number = POLL.firstMs; ; pollMs = Math.min(pollMs * 2, POLL.capMs)) {
      const found = await store.take(need, async candidate => this.#accept(candidate, need))
      switch (found.kind) {
        case 'token': return found.token
        case 'none': return undefined
        case 'turn': {
          const asked = this.#request(found.turn)
          this.#asking = asked
          return asked
        }
        case 'busy': if (stop.aborted || clock.monotonicMs() >= untilMs) throw new Problem('TOKEN-R-001', `Another sidecar is asking the token endpoint, and had no token within ${waitMs} ms.`)
      }
      await delay(clock, pollMs * (0.5 + random() / 2))
    }
  }

  /** A lock that is left behind would hold up the others, and a token that is not stored was paid for in vain. */
  async settle (): Promise<void> {
    await this.#asking.catch(() => {})
    await this.#telling
  }

  async #request (turn: Turn): Promise<DatedToken> {
    const { clock, endpoint } = this.#options
    const issuedAt = momentOf(clock)
    try {
      const token = { ...await endpoint.requestToken(), issuedAt }
      // Whoever waits for it does not wait for the store too.
      this.#telling = turn.keep(token)
      return token
    } catch (error) {
      this.#telling = turn.leave()
      throw error
    }
  }

  /** As with one that comes from the endpoint: whoever could write the store, or another version, may have asked less of it. */
  async #accept (candidate: DatedToken, need: TokenNeed): Promise<SourcedToken | undefined> {
    const { clock, verification, onRefused } = this.#options
    const ageMs = clock.monotonicMs() - candidate.issuedAt.monotonicMs
    if (!this.#isNewer(candidate, need)) return undefined
    try {
      await verification.prepare()
    } catch (error) {
      if (need.mayRequest) throw error
      return undefined
    }
    try {
      const verified = await verification.verify({ ...candidate, lifetimeMs: candidate.lifetimeMs - ageMs })
      verification.verifyScopes(candidate)
      return { ...candidate, lifetimeMs: verified.lifetimeMs + ageMs }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      onRefused(error.message)
      return undefined
    }
  }

  /** After a 401 any other one is worth a try. */
  #isNewer (candidate: DatedToken, { held, reason }: TokenNeed): boolean {
    const expiresAt = later(candidate.issuedAt, candidate.lifetimeMs)
    if (isPast(expiresAt, this.#options.clock)) return false
    if (held === undefined) return true
    return !held.value.equals(candidate.value) && (reason === 'rejected' || expiresAt.monotonicMs > held.expiresAt.monotonicMs)
  }
}
