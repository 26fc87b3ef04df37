import { Secret } from '../../../src/secret.ts'
import type { AccessToken } from '../../../src/token/access-token.ts'
import { SharedTokenSource } from '../../../src/token/shared.ts'
import { TokenSeal } from '../../../src/token/stores/seal.ts'
import type { TokenStore } from '../../../src/token/stores/store.ts'
import { Verification, verified } from '../../../src/token/verified.ts'
import { TokenCache } from '../../../src/token/cache.ts'
import type { Clock } from '../../../src/clock.ts'
import type { IssuerKeys } from '../../../src/token/issuer-keys.ts'
import type { Teardown } from '../../helpers/servers.ts'

export const HOUR_MS = 3_600_000

/** Their clock runs ahead of the store, which takes real time. */
const WAIT_MS = HOUR_MS

export const SCOPE = { tokenUrl: new URL('https://auth.example/oauth/token'), audience: 'api.example', scope: undefined }

export function seal (secret = 'obviously-fake-secret', changes: Partial<typeof SCOPE> = {}): TokenSeal {
  return new TokenSeal({ clientId: new Secret('fake-client'), clientSecret: new Secret(secret) }, { ...SCOPE, ...changes })
}

function token (value: string, lifetimeMs = HOUR_MS): AccessToken {
  return { value: new Secret(value), lifetimeMs, scopes: ['venue:read'], ownScopes: [], claims: {}, show: String }
}

/** A token endpoint that counts, shared by all caches of a test. */
export class CountingEndpoint {
  requests = 0
  failure: Error | undefined
  /** Held up until it resolves. */
  gate: Promise<void> = Promise.resolve()
  lifetimeMs = HOUR_MS
  readonly #waiting: Array<() => void> = []

  async requestToken (): Promise<AccessToken> {
    const n = ++this.requests
    for (const tell of this.#waiting.splice(0)) tell()
    await this.gate
    if (this.failure !== undefined) throw this.failure
    return token(`token-${n}`, this.lifetimeMs)
  }

  haveCredentialsChanged (): boolean {
    return false
  }

  /** Resolves with the n-th request. */
  async asked (n: number): Promise<void> {
    while (this.requests < n) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}

export interface StartedCache {
  readonly cache: TokenCache
  /** What it holds now. */
  readonly now: () => string | undefined
  readonly events: string[]
  /** Resolves with the n-th outcome of a refresh. */
  readonly event: (n: number) => Promise<string>
  /** Resolves when all that it wrote to the store is there. */
  readonly written: () => Promise<unknown>
}

/** The store, and what it is writing. */
function watched (store: TokenStore) {
  const writes: Array<Promise<void>> = []
  const watching: TokenStore = {
    async take (...wanted) {
      const found = await store.take(...wanted)
      if (found.kind !== 'turn') return found
      const { turn } = found
      const watch = (write: Promise<void>): Promise<void> => {
        writes.push(write)
        return write
      }
      return { kind: 'turn', turn: { keep: token => watch(turn.keep(token)), leave: () => watch(turn.leave()) } }
    }
  }
  return { store: watching, written: async () => Promise.all(writes) }
}

/** A cache over a store, as one sidecar of a fleet has it. */
export function startCache (t: Teardown, { clock, store, endpoint, requiredScopes = [], onRefused = () => {}, waitMs = WAIT_MS }: { clock: Clock, store: TokenStore, endpoint: CountingEndpoint, requiredScopes?: readonly string[], onRefused?: (reason: string) => void, waitMs?: number }): StartedCache {
  const events: string[] = []
  const waiting: Array<() => void> = []
  const happened = (event: string): void => {
    events.push(event)
    for (const tell of waiting.splice(0)) tell()
  }
  const event = async (n: number): Promise<string> => {
    for (;;) {
      const found = events[n - 1]
      if (found !== undefined) return found
      await new Promise<void>(resolve => waiting.push(resolve))
    }
  }
  const verification = new Verification({ clock, mode: 'off', expected: { issuer: '', audience: undefined, requiredScopes }, keys: undefined as unknown as IssuerKeys })
  const stop = new AbortController()
  const { store: watching, written } = watched(store)
  const cache = new TokenCache({
    clock,
    random: () => 0,
    expiryBufferMs: 60_000,
    waitMs: WAIT_MS,
    source: new SharedTokenSource({ clock, random: () => 0, endpoint: verified(endpoint, verification), verification, store: watching, waitMs, onRefused, stop: stop.signal }),
    onRefreshed: (_token, { reason, isStored }) => happened(isStored ? `${reason}, stored` : reason),
    onFailed: ({ code, message }) => happened(`${code} ${message}`)
  })
  t.teardown(() => {
    cache.stop()
    stop.abort()
  })
  return { cache, events, event, written, now: () => cache.current()?.value.reveal() }
}
