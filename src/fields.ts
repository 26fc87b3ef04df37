// Headers as flat lists of names and values in turn: so they come, with order and spelling, and so they are handed on.

/** The name, in lower case, of the pair that holds the i-th entry of a flat list. */
export function nameAt (flat: readonly string[], i: number): string {
  return (flat[i - i % 2] ?? '').toLowerCase()
}

/** A flat list without the pairs that are named. */
export function withoutHeaders (flat: readonly string[], lowerCaseNames: readonly string[]): string[] {
  return flat.filter((_, i) => !lowerCaseNames.includes(nameAt(flat, i)))
}

/** All values of a header, as one list (RFC 9110 §5.3); undefined where there is none. */
export function listOf (flat: readonly string[], lowerCaseName: string): string | undefined {
  let list: string | undefined
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if (flat[i]?.length !== lowerCaseName.length || flat[i]?.toLowerCase() !== lowerCaseName) continue
    list = list === undefined ? flat[i + 1] : `${list}, ${flat[i + 1]}`
  }
  return list
}
