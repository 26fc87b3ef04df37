import type { Outcome } from './outcome.ts'

/** A request about to be sent. */
export interface Claim {
  /** Of the key, or of the equal bookings. */
  readonly id: string
  /** Of the whole request. */
  readonly fingerprint: string
  /** How long its outcome is remembered, from its end. */
  readonly ttlMs: number
  /** Asked again: it ran elsewhere when it was asked last. */
  readonly isAgain?: boolean
}

/**
 * What a claim meets: nothing, and the request may go, recorded as running (`mine`); too many that run (`full`); or what became of
 * an earlier request with this id.
 */
export type Remembered = 'mine' | 'full' | { readonly fingerprint: string, readonly outcome: Outcome }

/** Or another process is at it: ask again later. */
export type Claimed = Remembered | { readonly fingerprint: string, readonly outcome: { readonly state: 'running' } }

/**
 * Remembers what became of requests. Within one process a claim is followed by either `finish` or `forget` before the same id is claimed
 * again; a store that answers later carries out what it was told about one id in that order. What is still running when a process dies is
 * unknown to those that share its store.
 */
export interface RepeatStore {
  /** Recorded before it returns `mine`, so that no request leaves without a record. Never rejects: a store that fails says what it can. */
  claim (claim: Claim): Claimed | Promise<Claimed>
  /** Whether what was claimed may still leave: where a store is shared, a sidecar that was held up may have been given up by the others. */
  isHeld (id: string): boolean
  finish (id: string, outcome: Outcome): void
  /** Nothing was carried out: the id is new again. */
  forget (id: string): void
  /** How many outcomes are remembered, and what they take; not those that run. */
  readonly records: number
  readonly bytes: number
  /** Ends what it does by itself; resolves when it has written what it could. */
  stop (): void | Promise<void>
}
