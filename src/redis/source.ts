import { messageOf } from '../cause.ts'
import { parseRedisUrl, type RedisAddress } from '../config/redis-url.ts'
import type { SecretSource } from '../config/secret-source.ts'
import { printableWithout, type Masks } from '../printable.ts'
import type { Secret } from '../secret.ts'

/** REDIS_URL, read again for each connection: a rotated password, or another host, needs no restart. */
export class RedisSource {
  readonly #url: SecretSource
  readonly #warn: (reason: string) => void
  #used: Secret | undefined
  #masks: Masks = []

  /** @param warn is told once when the file of the URL has become unusable */
  constructor (url: SecretSource, warn: (reason: string) => void) {
    this.#url = url
    this.#warn = warn
  }

  read (): RedisAddress {
    this.#used = this.#url.read(this.#warn)
    const address = parseRedisUrl(this.#used.reveal())
    this.#masks = [address.password, address.sentinelPassword].filter(secret => secret !== undefined).map(secret => [secret.reveal(), '[secret]'])
    return address
  }

  /** Whether the URL is another than the one that was read last. */
  hasChanged (): boolean {
    return this.#used !== undefined && !this.#used.equals(this.#url.read(this.#warn))
  }

  /** For the passwords of the URL that was read last. */
  get masks (): Masks {
    return this.#masks
  }

  /** The message of an error, fit for a log. */
  masked (thrown: unknown): string {
    return printableWithout(this.#masks, thrown instanceof Error ? messageOf(thrown) : String(thrown))
  }
}
