/** How much of another server's words is shown. */
const MAX_CHARS = 80

/** A foreign value in our own words: visible ASCII on one line, without quotes that would end ours, and cut. What is no text is shown as JSON. */
export function printable (value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value) ?? ''
  return withoutControls(text).replaceAll('"', "'").slice(0, MAX_CHARS)
}

/** The same, should the other server echo what we sent: as it is, as it was written, or with a break in it. */
export function printableWithout (secrets: ReadonlyArray<readonly [secret: string, name: string]>, text: string): string {
  const masked = (text: string): string => secrets.reduce((masked, [secret, name]) => {
    return spellings(secret).reduce((masked, spelling) => masked.replaceAll(spelling, name), masked)
  }, text)
  return printable(masked(withoutControls(masked(text))))
}

function spellings (secret: string): string[] {
  const form = new URLSearchParams({ '': secret }).toString().slice(1)
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), form, withoutControls(secret)].filter(spelling => spelling !== '')
}

function withoutControls (text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '')
}
