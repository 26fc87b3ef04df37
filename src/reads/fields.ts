/**
 * All values of a header, as one list (RFC 9110 §5.3); undefined where there is none.
 * @param flat names and values in turn
 */
export function listOf (flat: readonly string[], lowerCaseName: string): string | undefined {
  let list: string | undefined
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if (flat[i]?.length !== lowerCaseName.length || flat[i]?.toLowerCase() !== lowerCaseName) continue
    list = list === undefined ? flat[i + 1] : `${list}, ${flat[i + 1]}`
  }
  return list
}
