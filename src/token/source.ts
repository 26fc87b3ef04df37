import type { AccessToken } from './access-token.ts'
import type { Moment } from '../clock.ts'

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
  /** What it has: only a newer one is of use. */
  readonly held: HeldToken | undefined
  /** Whether a token may be requested, and paid for; else one that is there already is welcome. */
  readonly mayRequest: boolean
}

/** A token that was not requested this moment. */
export interface SourcedToken extends AccessToken {
  /** From when its lifetime counts. Absent: from when it was asked for. */
  readonly issuedAt?: Moment
  /** It cost no request. */
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
  /** Others may have put a newer token there, so that asking is worth it even when none may be requested. */
  readonly hasStore?: boolean
  /** Resolves when the request in flight is over, and the store has been told. */
  settle?(): Promise<void>
}
