import type { Moment } from '../clock.ts'
import type { AccessToken } from './access-token.ts'

/** What started a refresh. */
export type RefreshReason = 'start' | 'due' | 'expired' | 'retry' | 'rejected' | 'rotated'

/** A token together with its dates. */
export interface HeldToken extends AccessToken {
  readonly refreshAt: Moment
  readonly expiresAt: Moment
}

/** What the cache needs a token for. */
export interface TokenNeed {
  readonly reason: RefreshReason
  /** The token that it has: only a newer one is of use. */
  readonly held: HeldToken | undefined
  /** Whether a token may be requested, and paid for; else only one that is stored already is wanted. */
  readonly mayRequest: boolean
}

/** A token, and where it is from. */
export interface SourcedToken extends AccessToken {
  /** From when its lifetime counts. Absent: from when it was asked for. */
  readonly issuedAt?: Moment
  /** It comes from the store, and cost no request. */
  readonly isStored?: boolean
}

/** Where the cache gets its tokens: the token endpoint, or a store before it that others use too. */
export interface TokenSource {
  /**
   * @returns undefined where there is no newer one and none was to be requested
   * @throws TOKEN-N-001, TOKEN-R-001 or TOKEN-R-002
   */
  requestToken (need: TokenNeed): Promise<SourcedToken | undefined>
  /** Whether the credentials are others than those of the last request: a secret file was rotated. */
  haveCredentialsChanged (): boolean
  /** Another sidecar may have stored a newer token: asking is worth it even when none may be requested. */
  readonly hasStore?: boolean
  /** Resolves when the request in flight has ended, and the store was told of it. */
  settle?(): Promise<void>
}
