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
  /** Gives verified tokens. */
  readonly endpoint: TokenEndpoint
  readonly verification: Verification
  readonly store: TokenStore
  /** How long another sidecar may take to get a token. */
  readonly waitMs: number
  /** Told why a stored token was not used. */
  readonly onRefused: (reason: string) => void
  readonly stop: AbortSignal
}

/** How long between two looks, while another sidecar requests a token. */
const POLL = { firstMs: 25, capMs: 250 } as const

/** Takes tokens from a store, and from the token endpoint where the store has no newer one: one request for all who share the store. */
export class SharedTokenSource implements TokenSource {
  readonly hasStore = true
  readonly #options: SharedSourceOptions
  #requesting: Promise<SourcedToken | undefined> = Promise.resolve(undefined)
  #storing: Promise<void> = Promise.resolve()

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
        case 'turn':
          this.#requesting = this.#request(found.turn)
          return this.#requesting
        case 'busy': if (stop.aborted || clock.monotonicMs() >= untilMs) throw new Problem('TOKEN-R-001', `Another sidecar is asking the token endpoint, and had no token within ${waitMs} ms.`)
      }
      await delay(clock, pollMs * (0.5 + random() / 2))
    }
  }

  /** A lock that is left behind would hold up the other sidecars, and a token that is not stored was paid for in vain. */
  async settle (): Promise<void> {
    await this.#requesting.catch(() => {})
    await this.#storing
  }

  async #request (turn: Turn): Promise<DatedToken> {
    const { clock, endpoint } = this.#options
    const issuedAt = momentOf(clock)
    try {
      const token = { ...await endpoint.requestToken(), issuedAt }
      // Requests of apps do not wait for the store.
      this.#storing = turn.keep(token)
      return token
    } catch (error) {
      this.#storing = turn.leave()
      throw error
    }
  }

  /** Verifies a stored token as if it came from the endpoint: whoever stored it may have verified less. */
  async #accept (candidate: DatedToken, need: TokenNeed): Promise<SourcedToken | undefined> {
    const { clock, verification, onRefused } = this.#options
    if (!this.#isNewer(candidate, need)) return undefined
    const ageMs = clock.monotonicMs() - candidate.issuedAt.monotonicMs
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

  /** After a 401 any other token is worth a try. */
  #isNewer (candidate: DatedToken, { held, reason }: TokenNeed): boolean {
    const expiresAt = later(candidate.issuedAt, candidate.lifetimeMs)
    if (isPast(expiresAt, this.#options.clock)) return false
    if (held === undefined) return true
    return !held.value.equals(candidate.value) && (reason === 'rejected' || expiresAt.monotonicMs > held.expiresAt.monotonicMs)
  }
}
