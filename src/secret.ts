import { inspect } from 'node:util'

const MASK = '[secret]'

/**
 * A value that must reach no output: it prints as `[secret]` under JSON, string concatenation and util.inspect.
 * `reveal()` is called only where test/architecture.test.ts allows it.
 */
export class Secret {
  readonly #value: string

  constructor (value: string) {
    this.#value = value
  }

  reveal (): string {
    return this.#value
  }

  equals (other: Secret): boolean {
    return this.#value === other.#value
  }

  toString (): string {
    return MASK
  }

  toJSON (): string {
    return MASK
  }

  [inspect.custom] (): string {
    return MASK
  }
}
