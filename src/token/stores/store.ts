import type { SourcedToken, TokenNeed } from '../source.ts'

/** A token with the moment from which its lifetime counts. */
export type DatedToken = SourcedToken & Required<Pick<SourcedToken, 'issuedAt'>>

/** What somebody who wants a token finds in a store. */
export type Found =
  /** One that was accepted. */
  | { readonly kind: 'token', readonly token: SourcedToken }
  /** None that is newer; now it is on you to request one. */
  | { readonly kind: 'turn', readonly turn: Turn }
  /** Another sidecar is requesting one: look again soon. */
  | { readonly kind: 'busy' }
  /** None that is newer, and none may be requested. */
  | { readonly kind: 'none' }

/** The right to request a token for all who share the store. One of the two ends it; neither throws, and nobody needs to wait for them. */
export interface Turn {
  keep (token: DatedToken): Promise<void>
  /** No token came of it. */
  leave (): Promise<void>
}

/** What is asked of a token that was stored, by whomever: undefined where it is not to be used. */
export type Accept = (candidate: DatedToken) => Promise<SourcedToken | undefined>

/** Where tokens outlive a process, or are shared. Reading and the right to request are one step, so that nobody comes between. */
export interface TokenStore {
  /** Never throws for want of the store: each goes on alone then. */
  take (need: TokenNeed, accept: Accept): Promise<Found>
}

/** For the times in which there is no store to speak of. */
export const ALONE: Turn = { async keep () {}, async leave () {} }
