/** How much of a foreign value is shown. */
const MAX_CHARS = 80

// eslint-disable-next-line no-control-regex -- controls are what it looks for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g

/** Each control as an escape: JSON leaves DEL and the C1 controls as they are, and a terminal obeys them. */
export function withoutControls (text: string): string {
  return text.search(CONTROLS) === -1 ? text : text.replace(CONTROLS, control => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** For a sentence that is to stand within another one. */
export function lowerFirst (text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** A foreign value in our own words: visible ASCII on one line, without quotes that would end ours, and cut. What is no text is shown as JSON. */
export function printable (value: unknown): string {
  return asciiOf(textOf(value)).replaceAll('"', "'").slice(0, MAX_CHARS)
}

/** What must not be shown, and what is shown in its place. */
export type Masks = ReadonlyArray<readonly [secret: string, mask: string]>

/** The same for a server that may echo a secret of ours: plain, encoded as we sent it, or with a control in between. */
export function printableWithout (masks: Masks, value: unknown): string {
  const masked = (text: string): string => masks.reduce((masked, [secret, mask]) => {
    return spellings(secret).reduce((masked, spelling) => masked.replaceAll(spelling, mask), masked)
  }, text)
  return printable(masked(asciiOf(masked(textOf(value)))))
}

/** A shorter secret is a part of common words, which would become unreadable. */
const MIN_SECRET_CHARS = 8

function spellings (secret: string): string[] {
  const form = new URLSearchParams({ '': secret }).toString().slice(1)
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), form, asciiOf(secret)].filter(spelling => spelling.length >= MIN_SECRET_CHARS)
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? ''
}

function asciiOf (text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '')
}
