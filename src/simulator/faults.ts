import { invalid, isRecord } from './fields.ts'
import type { FieldError } from './problems.ts'

/** One way to fail; with a unit, its value is a whole number of that unit, else it is `true`. */
export interface Fault { readonly doc: string, readonly unit?: 'ms' | 's' | 'bytes' | 'requests' }

/** Every fault there is. Some strike before the API acts and some after, as in the real world, where an app cannot see which. */
export const FAULTS = {
  'token-down': { doc: 'The token endpoint answers 503.' },
  'token-slow': { unit: 'ms', doc: 'The token endpoint answers this much later. The token lives from before the wait.' },
  'token-hang': { doc: 'The token endpoint takes the request and never answers.' },
  'token-reset': { doc: 'The token endpoint cuts the connection.' },
  'token-refuse': { doc: 'The token endpoint refuses the credentials with 401 access_denied.' },
  'token-rate-limit': { unit: 's', doc: 'The token endpoint answers 429 with this Retry-After.' },
  'token-garbage': { doc: 'The token endpoint answers 200 with HTML.' },
  'api-down': { doc: 'The API cuts the connection and does not act: nothing is booked.' },
  'api-slow': { unit: 'ms', doc: 'The API acts (a booking is made) and answers this much later.' },
  'api-hang': { doc: 'The API acts (a booking is made) and never answers.' },
  'api-error': { doc: 'The API answers 500 HTTP-R-500 and does not act: nothing is booked.' },
  'api-401': { doc: 'The API refuses every access token that was given out before this was set; later ones are good. It happens once and does not stay set.' },
  'api-429': { doc: 'The quota is spent: the API answers 429 RATE-R-001 and does not act.' },
  'api-quota': { unit: 'requests', doc: 'The quota is this many requests a minute instead of 200. What was spent of the window stays spent.' },
  'api-shared': { unit: 'requests', doc: 'Another process of the same client spends this many requests a minute of the same quota, evenly.' },
  'api-break': { unit: 'bytes', doc: 'The API acts (a booking is made), sends the head and this many bytes of the body, and cuts the connection.' }
} as const satisfies Record<string, Fault>

/** A row of the table. */
type FaultName = keyof typeof FAULTS

/** Faults that are to be set, each with its value. */
export type FaultSettings = { readonly [Name in FaultName]?: typeof FAULTS[Name] extends { readonly unit: string } ? number : true }

/**
 * Faults from outside, as an object of names and values.
 * @throws FAULT-N-101 with every entry that is wrong
 */
function readFaults (given: unknown): FaultSettings {
  if (!isRecord(given)) throw invalid('FAULT-N-101', [{ field: 'body', message: 'must be a JSON object of faults, such as {"api-slow":2000}' }])
  const errors: FieldError[] = Object.entries(given).flatMap(([field, value]) => {
    const message = mistakeOf(field, value)
    return message === undefined ? [] : [{ field, message }]
  })
  if (errors.length > 0) throw invalid('FAULT-N-101', errors)
  // Each value was held against its row, which the compiler cannot follow through entries.
  return { ...given } as FaultSettings
}

/**
 * One fault as the command line writes it, `NAME` or `NAME=VALUE`.
 * @throws FAULT-N-101 with a text for the one who typed it
 */
export function parseFault (text: string): FaultSettings {
  const [, name = '', word = 'true'] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
  const value = /^\d+$/.test(word) ? Number(word) : word
  return readFaults({ [name]: value === 'true' ? true : value })
}

/** The faults that are set. */
export class Faults {
  readonly #refuseTokens: () => void
  #current: FaultSettings = {}

  /** @param refuseTokens makes every access token given out so far a bad one */
  constructor (refuseTokens: () => void) {
    this.#refuseTokens = refuseTokens
  }

  get current (): FaultSettings {
    return this.#current
  }

  /**
   * Sets these and no others.
   * @throws FAULT-N-101 as readFaults does; nothing changes then
   */
  set (given: unknown): void {
    const { 'api-401': isRefusing, ...current } = readFaults(given)
    this.#current = current
    if (isRefusing === true) this.#refuseTokens()
  }
}

function mistakeOf (name: string, value: unknown): string | undefined {
  const fault = faultOf(name)
  if (fault === undefined) return `is no fault; there are ${Object.keys(FAULTS).join(', ')}`
  if (fault.unit === undefined) return value === true ? undefined : 'takes no value but true'
  return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : `needs a whole number of ${fault.unit}, 0 or more`
}

function faultOf (name: string): Fault | undefined {
  return Object.entries(FAULTS).find(([known]) => known === name)?.[1]
}
