import { randomBytes } from 'node:crypto'

/** Something unique, planted where it must not get out again. */
export interface Marker {
  /** Where it was planted. */
  readonly where: string
  /** What is planted: with signs that JSON, URLs and forms write in ways of their own. */
  readonly value: string
  /** The letters and digits in it, which those leave as they are. */
  readonly core: string
  /** As it would be found, lower case. */
  readonly forms: readonly string[]
}

export class Markers {
  readonly #all = new Map<string, Marker>()

  /** What is planted at a place: always the same. `plain` for where HTTP allows letters alone. */
  plant (where: string, kind: 'odd' | 'plain' = 'odd'): string {
    const known = this.#all.get(where)
    if (known !== undefined) return known.value
    const core = `canary${randomBytes(12).toString('hex')}`
    const marker = { where, core, forms: formsOf(core).map(form => form.toLowerCase()), value: kind === 'plain' ? core : `"${core}+/=&%\\` }
    this.#all.set(where, marker)
    return marker.value
  }

  get all (): readonly Marker[] {
    return [...this.#all.values()]
  }

  /** The places of which something is found in a text, in any of its forms. */
  foundIn (text: string): string[] {
    const lowerCase = text.toLowerCase()
    return this.all.filter(({ forms }) => forms.some(form => lowerCase.includes(form))).map(({ where }) => where)
  }
}

/**
 * The ways in which a program that is careless, or too clever, shows a text. Letters and digits stay as they are in URLs, forms and JSON; what
 * is left are encodings as bytes, and a piece of it, as an error message shows it.
 */
function formsOf (core: string): string[] {
  const bytes = Buffer.from(core)
  // In base64 of something longer, it begins at one of three places in a group; the ends mix with what stands around it.
  const base64 = [0, 1, 2].map(before => Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').slice(before === 0 ? 0 : 4, -4))
  return [
    core, core.slice(0, 16), core.slice(-16),
    ...base64, ...base64.map(text => text.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'), [...bytes].map(byte => byte.toString(16)).join(' '), bytes.join(','), bytes.join(', '),
    [...bytes].map(byte => `%${byte.toString(16)}`).join(''), [...core].map(letter => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')
  ]
}
