/** How much of another server's words is shown. */
const MAX_CHARS = 80

/** Foreign text in our own: visible ASCII on one line, without quotes that would end ours, and cut. */
export function printable (text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').replaceAll('"', "'").slice(0, MAX_CHARS)
}
