import type { HeldAnswer } from '../answer.ts'
import { derivedKey, hiddenName, opened, sealed } from '../seal.ts'
import type { Secret } from '../secret.ts'
import type { Outcome, Unknown } from './outcome.ts'

/** Of what is stored. Another one is another name. */
const FORMAT = 1

export interface RecordScope {
  readonly clientId: Secret
  readonly clientSecret: Secret
  readonly apiUrl: URL
}

/** What stands before the body. */
type Head = Omit<HeldAnswer, 'chunks'> | { readonly why: Unknown }

/**
 * Hides what guests have told: names are HMACs, and contents are locked under a key from the client secret, each bound to its own record. Who reads
 * the store learns that somebody booked, and when.
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

  /** Of the record of a key, or of equal bookings, of this client. */
  nameOf (id: string): string {
    return `${FORMAT}:${hiddenName(this.#nameKey, Buffer.from(`${this.#scope} ${id}`, 'latin1'))}`
  }

  sealPrint (name: string, fingerprint: string): string {
    return sealed(this.#key, binding(name, 'print'), Buffer.from(fingerprint, 'latin1'))
  }

  /** @returns undefined where it can't be ours */
  openPrint (name: string, box: string): string | undefined {
    return opened(this.#key, binding(name, 'print'), box)?.toString('latin1')
  }

  sealOutcome (name: string, outcome: Outcome): string {
    const head: Head = outcome.state === 'unknown' ? { why: outcome.why } : withoutChunks(outcome.answer)
    const chunks = outcome.state === 'unknown' ? [] : outcome.answer.chunks
    return sealed(this.#key, binding(name, 'outcome'), Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...chunks]))
  }

  /** @returns undefined where it can't be ours */
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

function withoutChunks ({ status, statusText, headers }: HeldAnswer): Head {
  return { status, statusText, headers }
}

function binding (name: string, part: string): Buffer {
  return Buffer.from(`${name} ${part}`)
}
