import { withoutHeaders } from '../fields.ts'

/**
 * Headers that belong to one connection and are never handed on (RFC 9110 §7.6.1), besides those that Connection names.
 * Lower case.
 */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

export function isHopByHop (lowerCaseName: string): boolean {
  return HOP_BY_HOP.has(lowerCaseName) || lowerCaseName.startsWith('proxy-')
}

/** The header names in a Connection value, lower case, without the two that name none. */
export function connectionOptions (value: string): readonly string[] {
  if (value === 'keep-alive' || value === 'close') return []
  return value.toLowerCase().split(',').map(name => name.trim()).filter(name => name !== '' && name !== 'close' && name !== 'keep-alive')
}

/**
 * The headers of the API's answer as the app gets them: as sent, in order and spelling, without what belongs to the
 * connection and without the API's X-Correlation-ID, since the app gets its own.
 * @param raw names and values in turn, as bytes
 */
export function answerHeaders (raw: readonly Buffer[]): string[] {
  const flat: string[] = []
  let named: readonly string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i])
    const lowerCaseName = name.toLowerCase()
    if (lowerCaseName === 'connection') named = [...named, ...connectionOptions(latin1(raw[i + 1]))]
    if (isHopByHop(lowerCaseName) || lowerCaseName === 'x-correlation-id') continue
    flat.push(name, latin1(raw[i + 1]))
  }
  return named.length === 0 ? flat : withoutHeaders(flat, named)
}

/** Bytes of headers go through strings one to one. */
function latin1 (bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : bytes.toString('latin1')
}
