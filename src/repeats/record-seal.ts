import type { HeldAnswer } from '../answer.ts'
import { derivedKey, hiddenName, opened, sealed } from '../seal.ts'
import type { Secret } from '../secret.ts'
import type { Outcome, Unknown } from './outcome.ts'

/** The version of what is stored. Each has its own keys and names. */
const FORMAT = 1

export interface RecordScope {
  readonly clientId: Secret
  readonly clientSecret: Secret
  readonly apiUrl: URL
}

/** What is stored before the body, as a line of JSON. */
type Head = Omit<HeldAnswer, 'chunks'> | { readonly why: Unknown }

/**
 * Hides personal data of guests: names are HMACs, and contents are locked under a key from the client secret, each bound to its own record. Who
 * reads the store learns only that somebody booked, and when.
 */
export class RecordSeal {
  readonly #nameKey: Buffer
  readonly #key: Buffer
  readonly #scope: string

  constructor ({ clientId, clientSecret, apiUrl }: RecordScope) {
    this.#nameKey = derivedKey(clientSecret.reveal(), `repeat name ${FORMAT}`)
    this.#key = derivedKey(clientSecret.reveal(), `repeat store ${FORMAT}`)
    this.#scope = JSON.stringify([FORMAT, clientId.reveal(), apiUrl.href])
  }

  /** The name of a record of this client. */
  nameOf (id: string): string {
    return `${FORMAT}:${hiddenName(this.#nameKey, Buffer.from(`${this.#scope} ${id}`, 'latin1'))}`
  }

  sealPrint (name: string, fingerprint: string): string {
    return sealed(this.#key, binding(name, 'print'), Buffer.from(fingerprint, 'latin1'))
  }

  /** @returns undefined where it was not sealed by us, for this name */
  openPrint (name: string, box: string): string | undefined {
    return opened(this.#key, binding(name, 'print'), box)?.toString('latin1')
  }

  sealOutcome (name: string, outcome: Outcome): string {
    const { chunks, ...head } = outcome.state === 'unknown' ? { why: outcome.why, chunks: [] } : outcome.answer
    return sealed(this.#key, binding(name, 'outcome'), Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...chunks]))
  }

  /** @returns undefined where it was not sealed by us, for this name */
  openOutcome (name: string, box: string): Outcome | undefined {
    const content = opened(this.#key, binding(name, 'outcome'), box)
    if (content === undefined) return undefined
    const end = content.indexOf('\n')
    // By us: nobody else has the key.
    const head = JSON.parse(content.toString('utf8', 0, end)) as Head
    if ('why' in head) return { state: 'unknown', why: head.why }
    const body = content.subarray(end + 1)
    return { state: 'answered', answer: { ...head, chunks: body.length === 0 ? [] : [body] } }
  }
}

function binding (name: string, part: string): Buffer {
  return Buffer.from(`${name} ${part}`)
}
