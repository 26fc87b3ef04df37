import { request as requestByHttp } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { BlockList, isIP } from 'node:net'
import type { buildConnector } from 'undici'
import { withoutBrackets } from '../config/parse.ts'
import type { Secret } from '../secret.ts'

/** The proxy of the network that we are in, where other machines are reached through it alone. */
export interface OutboundProxy {
  readonly url: URL
  /** The value of Proxy-Authorization. */
  readonly authorization: Secret | undefined
}

/** A connection that is being made, and can be given up. */
export interface Connecting {
  destroy (error: Error): unknown
}

/**
 * Whether NO_PROXY names a host, as curl and Go read it: `*`, a name (with all below it), a name with a port, an address or a network.
 * @param entries in lower case
 */
export function isExempt ({ hostname, port }: URL, entries: readonly string[]): boolean {
  const host = withoutBrackets(hostname)
  return entries.some(entry => {
    if (entry === '*') return true
    const [, name = entry, namedPort] = /^(.*):(\d+)$/.exec(isIP(entry) === 0 ? entry : '') ?? []
    if (namedPort !== undefined && namedPort !== (port || '443')) return false
    const bare = withoutBrackets(name).replace(/^\*?\./, '')
    return host === bare || (isIP(host) === 0 ? host.endsWith(`.${bare}`) : isInNetwork(host, bare))
  })
}

function isInNetwork (address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/')
  const family = isIP(base) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(base) === 0 || isIP(base) !== isIP(address) || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 'ipv6' ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(base, Number(bits), family)
  return list.check(address, family)
}

/**
 * A connector that asks the proxy for a tunnel (CONNECT, RFC 9110 §9.3.6) and speaks TLS through it with the origin itself: the proxy
 * sees a host name and ciphertext. undici's own ProxyAgent would make an object of the headers, and lose their order and spelling.
 */
export function tunnelThrough (
  { url, authorization }: OutboundProxy, connectTls: buildConnector.connector
): (...args: Parameters<buildConnector.connector>) => Connecting {
  const host = withoutBrackets(url.hostname)
  return (options, callback) => {
    const authority = `${isIP(options.hostname) === 6 ? `[${options.hostname}]` : options.hostname}:${options.port || 443}`
    const request = (url.protocol === 'https:' ? requestByHttps : requestByHttp)({
      method: 'CONNECT',
      host,
      // Else it would be taken from the Host header, which names the origin: the proxy is to prove its own name.
      servername: isIP(host) === 0 ? host : '',
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      path: authority,
      headers: { host: authority, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization.reveal() }) },
      agent: false,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2'
    })
    let connecting: Connecting = request
    request.on('connect', ({ statusCode = 0 }, socket) => {
      connecting = socket
      if (statusCode >= 200 && statusCode < 300) return connectTls({ ...options, httpSocket: socket }, callback)
      socket.destroy()
      callback(new Error(`the outbound proxy ${url.host} answered CONNECT ${authority} with status ${statusCode}${statusCode === 407 ? ': check the user and password in HTTPS_PROXY' : ''}`), null)
    })
    request.on('error', cause => callback(new Error(`the outbound proxy ${url.host} cannot be reached: ${cause.message}`, { cause }), null))
    request.end()
    return { destroy: error => connecting.destroy(error) }
  }
}
