import type { Outcome } from './outcome.ts'

/** A request about to be sent. */
export interface Claim {
  /** Of the key, or of the equal bookings. */
  readonly id: string
  /** Of the whole request. */
  readonly fingerprint: string
  /** How long its outcome is remembered, from its end. */
  readonly ttlMs: number
  /** Whether it ran elsewhere when it was claimed last. */
  readonly isAgain?: boolean
}

/**
 * What comes of a claim: it is recorded, and the request may be sent (`mine`); there is no room for its record (`full`); or an earlier request
 * with this id is remembered.
 */
export type Remembered = 'mine' | 'full' | { readonly fingerprint: string, readonly outcome: Outcome }

/** The same of a shared store, where the earlier request may still run in another process: ask again later. */
export type Claimed = Remembered | { readonly fingerprint: string, readonly outcome: Outcome | { readonly state: 'running' } }

/**
 * Remembers what became of requests. Within one process, each claim is followed by either `finish` or `forget` before the same id is claimed
 * again, and a store that answers later keeps to that order. What still runs when a process dies is unknown to those that share its store.
 */
export interface RepeatStore {
  /** Records the request before it says `mine`, so that none is sent without a record. Never rejects: a store that fails says what it knows. */
  claim (claim: Claim): Claimed | Promise<Claimed>
  /** Whether what was claimed may still be sent: in a shared store, the claim of a sidecar that was held up may have lapsed. */
  mayBeSent (id: string): boolean
  finish (id: string, outcome: Outcome): void
  /** Nothing was carried out: the id is new again. */
  forget (id: string): void
  /** How many outcomes are remembered. */
  readonly records: number
  /** What they take, and what the requests that run take. */
  readonly bytes: number
  /** Ends its timers; resolves when it has written what it could. */
  stop (): void | Promise<void>
}
