import type { Config } from './config/load.ts'
import type { Secret } from './secret.ts'
import type { Credentials } from './token/endpoint.ts'

/** The secrets as they are in use. All are read again for each token request, so that a rotated one needs no restart. */
export class CurrentSecrets {
  readonly #config: Config
  readonly #warn: (reason: string) => void
  /** What apps must send; undefined where they need not. */
  inboundKey: Secret | undefined
  #credentials: Credentials | undefined

  /** @param warn is told once for each file that has become unusable */
  constructor (config: Config, warn: (reason: string) => void) {
    this.#config = config
    this.#warn = warn
    this.inboundKey = config.inboundApiKey?.read(this.#warn)
  }

  /** Reads all of them again. */
  readCredentials (): Credentials {
    const { clientId, clientSecret, inboundApiKey } = this.#config
    this.inboundKey = inboundApiKey?.read(this.#warn)
    this.#credentials = { clientId: clientId.read(this.#warn), clientSecret: clientSecret.read(this.#warn) }
    return this.#credentials
  }

  /** The credentials that were read last. */
  get credentials (): Credentials {
    return this.#credentials ?? this.readCredentials()
  }
}
