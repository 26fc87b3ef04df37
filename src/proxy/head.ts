import { withoutHeaders } from '../fields.ts'
import { asksForItsOwn, isInKey, variantLine } from '../reads/sharing.ts'
import { connectionOptions, isHopByHop } from '../upstream/headers.ts'

/** What one pass over the headers of an app's request finds. */
export interface RequestHead {
  /** What goes to the API as the app sent it, names and values in turn: neither hop-by-hop, nor ours to set. */
  readonly forwarded: string[]
  readonly headerCount: number
  readonly hostCount: number
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  readonly apiKey: string | undefined
  readonly authorization: string | undefined
  readonly expect: string | undefined
  readonly correlationId: string | undefined
  /** As it came; two of them are no key. */
  readonly idempotencyKey: string | undefined
  readonly hasPartnerReference: boolean
  readonly hasBookingSource: boolean
  /** What, besides the target, tells a GET's answer from others (reads/sharing); undefined where it wants one of its own. */
  readonly variant: string | undefined
  /** Lower case; none, or `chunked` alone, in a proper request. */
  readonly transferCodings: readonly string[]
  readonly hasBody: boolean
  /** Undefined for a chunked body, whose length nobody knows. */
  readonly contentLength: number | undefined
}

/**
 * Reads the headers once, in the spelling and order in which they came.
 * @param raw names and values in turn, as `IncomingMessage.rawHeaders` has them
 */
export function readHead (raw: readonly string[]): RequestHead {
  const forwarded: string[] = []
  let hostCount = 0
  let host: string | undefined
  let origin: string | undefined
  let secFetchSite: string | undefined
  let apiKey: string | undefined
  let authorization: string | undefined
  let expect: string | undefined
  let correlationId: string | undefined
  let idempotencyKey: string | undefined
  let hasPartnerReference = false
  let hasBookingSource = false
  let variant = ''
  let isSpecial = false
  let cacheControl: string | undefined
  let pragma: string | undefined
  const transferCodings: string[] = []
  let contentLength: number | undefined
  let named: readonly string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    const lowerCaseName = name.toLowerCase()
    switch (lowerCaseName) {
      case 'host': hostCount++; host = value; continue
      case 'expect': expect = value; continue
      case 'content-length': contentLength = Number(value); continue
      case 'transfer-encoding': transferCodings.push(value.trim().toLowerCase()); continue
      case 'connection': named = [...named, ...connectionOptions(value)]; continue
      // Always ours, whatever the app sent.
      case 'authorization': authorization = value; continue
      case 'x-api-key': apiKey = value; break
      // Two of them are no origin, and no site, that is allowed.
      case 'origin': origin = origin === undefined ? value : `${origin}, ${value}`; break
      case 'sec-fetch-site': secFetchSite = secFetchSite === undefined ? value : `${secFetchSite}, ${value}`; break
      case 'x-correlation-id': correlationId ??= value; continue
      case 'x-partner-reference': hasPartnerReference = true; variant += variantLine(lowerCaseName, value); break
      case 'x-booking-source': hasBookingSource = true; variant += variantLine(lowerCaseName, value); break
      // Only a POST or PATCH has it taken away.
      case 'idempotency-key': idempotencyKey = idempotencyKey === undefined ? value : `${idempotencyKey}, ${value}`; break
      case 'range':
      case 'cookie': isSpecial = true; break
      case 'cache-control': cacheControl = cacheControl === undefined ? value : `${cacheControl}, ${value}`; break
      case 'pragma': pragma = pragma === undefined ? value : `${pragma}, ${value}`; break
      default:
        if (isHopByHop(lowerCaseName)) continue
        if (isInKey(lowerCaseName)) variant += variantLine(lowerCaseName, value)
        else if (lowerCaseName.startsWith('if-')) isSpecial = true
    }
    forwarded.push(name, value)
  }
  const hasBody = transferCodings.length > 0 || (contentLength ?? 0) > 0
  // What Connection names does not reach the API, and so must not tell answers apart.
  if (named.some(isInKey) || asksForItsOwn(cacheControl, pragma)) isSpecial = true
  return {
    forwarded: named.length === 0 ? forwarded : withoutHeaders(forwarded, named),
    headerCount: raw.length / 2,
    hostCount,
    host,
    origin,
    secFetchSite,
    apiKey,
    authorization,
    expect,
    correlationId: correlationId === '' ? undefined : correlationId,
    idempotencyKey,
    hasPartnerReference: hasPartnerReference && !named.includes('x-partner-reference'),
    hasBookingSource: hasBookingSource && !named.includes('x-booking-source'),
    variant: isSpecial || hasBody ? undefined : variant,
    transferCodings,
    hasBody,
    contentLength: transferCodings.length > 0 ? undefined : contentLength
  }
}

/** How what goes up differs from what the app sent: added where it sent none, but for the key. */
export interface HeaderRules {
  /** Where apps must send a key, x-api-key is for us. */
  readonly isKeyed: boolean
  readonly partnerReference: string | undefined
  readonly bookingSource: string | undefined
}

/** What goes to the API, but for Authorization, Host and what frames the body. */
export function upstreamHeaders (head: RequestHead, correlationId: string, { isKeyed, partnerReference, bookingSource }: HeaderRules): string[] {
  const headers = [...(isKeyed ? withoutHeaders(head.forwarded, ['x-api-key']) : head.forwarded), 'X-Correlation-ID', correlationId]
  if (partnerReference !== undefined && !head.hasPartnerReference) headers.push('X-Partner-Reference', partnerReference)
  if (bookingSource !== undefined && !head.hasBookingSource) headers.push('X-Booking-Source', bookingSource)
  // A stream's length can't be seen, but the app told it.
  if (head.contentLength !== undefined && head.contentLength > 0) headers.push('Content-Length', String(head.contentLength))
  return headers
}
