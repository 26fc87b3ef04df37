import { isLoopback } from '../config/parse.ts'

/** Which Host headers are answered: a page whose name was rebound to this machine sends its own. */
export type HostPolicy = 'any' | { readonly names: readonly string[], readonly hasLoopback: boolean, readonly hasAddresses: boolean }

/** What a browser tells of where a request comes from (Fetch Metadata, RFC 6454). */
export interface Provenance {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
}

const IP_ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i

/** @param host a Host header, with its port */
export function isHostAllowed (host: string | undefined, policy: HostPolicy): boolean {
  // Only HTTP/1.0 may come without one; no browser speaks it.
  if (policy === 'any' || host === undefined) return true
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return policy.names.includes(name) ||
    (policy.hasLoopback && isLoopback(name)) ||
    (policy.hasAddresses && IP_ADDRESS.test(name))
}

/** Whether a browser says that a page from elsewhere made it send the request. Other programs say nothing. */
export function isFromElsewhere ({ host, origin, secFetchSite }: Provenance): boolean {
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none') return true
  return origin !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') !== host?.toLowerCase()
}
