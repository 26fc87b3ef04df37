import { messageOf } from '../cause.ts'
import { parseRedisUrl, type RedisAddress } from '../config/redis-url.ts'
import type { SecretSource } from '../config/secret-source.ts'
import { printableWithout } from '../printable.ts'
import type { Secret } from '../secret.ts'

/** Where Redis is by REDIS_URL, read again for each connection: a rotated password, or another host, needs no restart. */
export class RedisSource {
  readonly #url: SecretSource
  readonly #warn: (reason: string) => void
  #used: Secret | undefined
  #secrets: ReadonlyArray<readonly [secret: string, name: string]> = []

  /** @param warn is told once when its file has become unusable */
  constructor (url: SecretSource, warn: (reason: string) => void) {
    this.#url = url
    this.#warn = warn
  }

  read (): RedisAddress {
    this.#used = this.#url.read(this.#warn)
    const address = parseRedisUrl(this.#used.reveal())
    this.#secrets = [address.password, address.sentinelPassword].filter(secret => secret !== undefined).map(secret => [secret.reveal(), '[secret]'])
    return address
  }

  /** Whether another URL stands there since. */
  hasChanged (): boolean {
    return this.#used !== undefined && !this.#used.equals(this.#url.read(this.#warn))
  }

  /** What must not be shown of the URL that was read last. */
  get secrets (): ReadonlyArray<readonly [secret: string, name: string]> {
    return this.#secrets
  }

  masked (thrown: unknown): string {
    return printableWithout(this.#secrets, thrown instanceof Error ? messageOf(thrown) : String(thrown))
  }
}
