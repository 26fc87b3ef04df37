import type { Config } from './config/load.ts'
import type { Secret } from './secret.ts'
import type { Credentials } from './token/endpoint.ts'

/** The secrets as they were at the last token request, at which all of them are read again: a rotated one needs no restart. */
export class CurrentSecrets {
  readonly #config: Config
  readonly #warn: (reason: string) => void
  /** What apps must send; undefined where nothing is asked of them. */
  inboundKey: Secret | undefined
  #credentials: Credentials | undefined

  /** @param warn is told once for each file that has become unusable */
  constructor (config: Config, warn: (reason: string) => void) {
    this.#config = config
    this.#warn = warn
    this.inboundKey = config.inboundApiKey?.read(this.#warn)
  }

  readCredentials (): Credentials {
    const { clientId, clientSecret, inboundApiKey } = this.#config
    this.inboundKey = inboundApiKey?.read(this.#warn)
    this.#credentials = { clientId: clientId.read(this.#warn), clientSecret: clientSecret.read(this.#warn) }
    return this.#credentials
  }

  get credentials (): Credentials {
    return this.#credentials ?? this.readCredentials()
  }
}
