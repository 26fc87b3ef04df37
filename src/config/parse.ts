import { Secret } from '../secret.ts'

// One parser for each kind of value. Each throws an Error whose message completes "NAME: …".

/** All methods that can be forwarded. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export type Method = typeof METHODS[number]

/** Whole segments of unreserved characters (RFC 3986 §2.3): what is compared raw must have one spelling. */
const ROUTE = /^(\/[A-Za-z0-9\-._~]+)+$/

/** The schema alone takes infinity for an integer within any limits. */
export function parseWhole (value: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new Error('is not a whole number')
  return number
}

/** An https URL, or http to this machine only: credentials and tokens never cross a network in the clear. */
export function parseHttpUrl (value: string): URL {
  if (!URL.canParse(value)) throw new Error('is not a URL')
  const url = new URL(value)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('is neither https nor http')
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) throw new Error('is plain http to another machine')
  if (url.username !== '' || url.password !== '') throw new Error('holds credentials')
  if (/[?#]/.test(value)) throw new Error('holds a query or fragment')
  return url
}

/** An outbound proxy, with the credentials that its URL may hold; without a scheme it is http, as curl reads it. */
export function parseProxy (value: string): { readonly url: URL, readonly authorization: Secret | undefined } {
  const text = value.includes('://') ? value : `http://${value}`
  if (!URL.canParse(text)) throw new Error('is not a URL')
  const { protocol, origin, username, password } = new URL(text)
  if (protocol !== 'https:' && protocol !== 'http:') throw new Error('is neither http nor https')
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')
  return { url: new URL(origin), authorization: username + password === '' ? undefined : new Secret(`Basic ${credentials}`) }
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('holds a user or password with a bad % escape')
  }
}

/** Entries of NO_PROXY, separated by commas or spaces as curl takes them. */
export function parseNoProxy (value: string): readonly string[] {
  return value.toLowerCase().split(/[\s,]+/).filter(entry => entry !== '')
}

/** Scopes separated by spaces (RFC 6749 §3.3), or by commas as people write lists. */
export function parseScopes (value: string): readonly string[] {
  return value.split(/[\s,]+/).filter(scope => scope !== '')
}

/** The HOST of a sidecar that listens on SOCKET_PATH alone. */
export const NO_HOST = 'none'

/** A socket's address holds 107 bytes, and the system cuts off the rest silently. While the socket is made, its path is longer by `.XXXXXX/s`. */
const MAX_SOCKET_PATH_BYTES = 107 - '.XXXXXX/s'.length

export function parseSocketPath (value: string): string {
  if (Buffer.byteLength(value) > MAX_SOCKET_PATH_BYTES) throw new Error(`is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that a socket's path may have here`)
  return value
}

/** localhost, *.localhost, 127.0.0.0/8 and [::1]. */
export function isLoopback (hostname: string): boolean {
  return hostname === '[::1]' || hostname === '::1' || /^(127(\.\d{1,3}){3}|(.+\.)?localhost)$/i.test(hostname)
}

/** The address in the host of a URL, which has IPv6 in brackets. */
export function withoutBrackets (hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** Without the trailing slash, longest first: the first that matches is the right one. */
export function parseRoutes (value: string): readonly string[] {
  const routes = parseList(value).map(route => route.length > 1 ? route.replace(/\/$/, '') : route)
  for (const route of routes) {
    if (!ROUTE.test(route) || /\/\.\.?(\/|$)/.test(route)) throw new Error(`"${route}" is no path prefix`)
  }
  return [...new Set(routes)].sort((a, b) => b.length - a.length)
}

/** Lower case, an IPv6 address in brackets, as a Host header has them. */
export function parseHosts (value: string): readonly string[] {
  return parseList(value).map(host => {
    const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
    if (!URL.canParse(`http://${name}`) || new URL(`http://${name}`).host !== name.toLowerCase()) throw new Error(`"${host}" is no host name`)
    return name.toLowerCase()
  })
}

export function parseMethods (value: string): readonly Method[] {
  const methods = parseList(value)
  for (const method of methods) {
    if (!isMethod(method)) throw new Error(`"${method}" is no such method`)
  }
  return METHODS.filter(method => methods.includes(method))
}

function isMethod (value: string): value is Method {
  return (METHODS as readonly string[]).includes(value)
}

function parseList (value: string): string[] {
  const items = value.split(',').map(item => item.trim()).filter(item => item !== '')
  if (items.length === 0) throw new Error('is an empty list')
  return items
}
