import type { Moment } from '../../clock.ts'
import type { SourcedToken, TokenNeed } from '../source.ts'

export interface DatedToken extends SourcedToken {
  readonly issuedAt: Moment
}

/** What a store answers to a need for a token. */
export type Found =
  /** A stored one that was accepted. */
  | { readonly kind: 'token', readonly token: SourcedToken }
  /** No newer one: request one now, and end the turn. */
  | { readonly kind: 'turn', readonly turn: Turn }
  /** Another sidecar is requesting one: look again soon. */
  | { readonly kind: 'busy' }
  /** No newer one, and none may be requested. */
  | { readonly kind: 'none' }

/** The right to request a token for all who share the store. One of the two ends it; neither throws, and nobody needs to wait for them. */
export interface Turn {
  keep (token: DatedToken): Promise<void>
  /** No token came of it. */
  leave (): Promise<void>
}

/** Checks a stored token; undefined: do not use it. */
export type Accept = (candidate: DatedToken) => Promise<SourcedToken | undefined>

/** Keeps tokens beyond a process, or for many. It reads and gives the right to request in one step, so that no other sidecar comes between. */
export interface TokenStore {
  /** Where the store cannot be used it does not throw: each sidecar requests for itself then. */
  take (need: TokenNeed, accept: Accept): Promise<Found>
}

/** A turn where no store can be used: there is nothing to tell. */
export const ALONE: Turn = { async keep () {}, async leave () {} }
