import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import { request } from 'undici'
import { systemClock } from '../clock.ts'
import { loadConfig, SettingsError, type Config, type Environment } from '../config/load.ts'
import { connectTo, createApiPool, createTokenSource, proxyFor } from '../outbound.ts'
import { asProblem, messageOf, PROBLEMS } from '../problem.ts'
import { readQuota } from '../quota/window.ts'
import type { AccessToken } from '../token/access-token.ts'

/** One thing that was looked at, in words that hold no secret. */
export interface CheckStep {
  readonly name: 'settings' | 'dns' | 'tls' | 'token' | 'claims' | 'scopes' | 'api' | 'quota'
  readonly ok: boolean
  /** What was found; or what is wrong, and what to do next. */
  readonly detail: string
  /** The same for machines. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/** Thrown by a step: what is wrong, and what to do next. */
class Wrong extends Error {
  readonly facts: Readonly<Record<string, unknown>> | undefined

  constructor (what: string, cause?: unknown, facts?: Readonly<Record<string, unknown>>) {
    super(cause instanceof Error ? `${what} (${messageOf(cause)})` : what)
    this.facts = facts
  }
}

type Finding = Pick<CheckStep, 'detail' | 'facts'>

/**
 * Does once, before anything depends on it, what serving does all day, step by step from the settings to the quota. Ends at the step without
 * which the later ones make no sense.
 */
export async function check (environment: Environment): Promise<readonly CheckStep[]> {
  const steps: CheckStep[] = []
  const step = async <Result>(name: CheckStep['name'], look: () => Promise<readonly [Finding, Result]>): Promise<Result> => {
    try {
      const [finding, result] = await look()
      steps.push({ name, ok: true, ...finding })
      return result
    } catch (thrown) {
      if (!(thrown instanceof Wrong)) throw thrown
      const { message: detail, facts } = thrown
      steps.push({ name, ok: false, detail, ...(facts === undefined ? {} : { facts }) })
      throw thrown
    }
  }
  try {
    const config = await step('settings', async () => readSettings(environment))
    const hosts = [...new Map([config.tokenRequest.url, config.apiUrl].map(url => [url.origin, url])).values()]
    // Of two hosts one may be well: the later steps tell what that means.
    await step('dns', async () => resolve(config, hosts)).catch(unlessOurs)
    await step('tls', async () => connect(config, hosts)).catch(unlessOurs)
    const token = await step('token', async () => fetchToken(config))
    await step('claims', async () => lookAtClaims(config, token))
    await step('scopes', async () => lookAtScopes(config, token))
    const headers = await step('api', async () => askApi(config, token))
    await step('quota', async () => lookAtQuota(headers))
  } catch (thrown) {
    unlessOurs(thrown)
  }
  return steps
}

/** What is wrong was told already; anything else is a fault of ours. */
function unlessOurs (thrown: unknown): void {
  if (!(thrown instanceof Wrong)) throw thrown
}

function readSettings (environment: Environment): readonly [Finding, Config] {
  try {
    const config = loadConfig(environment)
    const { apiUrl, tokenRequest: { url: tokenUrl } } = config
    return [{ detail: `token from ${tokenUrl.href}, API at ${apiUrl.href}`, facts: { apiUrl, tokenUrl } }, config]
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    throw new Wrong(error.mistakes.join('\n'))
  }
}

async function resolve (config: Config, hosts: readonly URL[]): Promise<readonly [Finding, undefined]> {
  const found: Record<string, string> = {}
  for (const url of hosts) {
    const { hostname } = url
    const proxy = proxyFor(config, url)
    if (proxy !== undefined) found[hostname] = `left to the outbound proxy ${proxy.url.host}`
    else if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) found[hostname] = 'an address already'
    else {
      const addresses = await lookup(hostname, { all: true }).catch((cause: unknown) => {
        throw new Wrong(`${hostname} cannot be resolved. Check the URL in the settings, this machine's DNS, or whether HTTPS_PROXY is needed.`, cause)
      })
      found[hostname] = addresses.map(({ address }) => address).join(' ')
    }
  }
  return [{ detail: Object.entries(found).map(([name, address]) => `${name}: ${address}`).join('; '), facts: found }, undefined]
}

async function connect (config: Config, hosts: readonly URL[]): Promise<readonly [Finding, undefined]> {
  const found: Record<string, string> = {}
  for (const url of hosts) {
    const socket = await connectTo(config, url, systemClock).catch((cause: unknown) => {
      throw new Wrong(`No verified connection to ${url.host}. Check the network and HTTPS_PROXY; where TLS is inspected, name the inspector's certificate in NODE_EXTRA_CA_CERTS.`, cause)
    })
    found[url.host] = socket instanceof TLSSocket
      ? `${socket.getProtocol()}, certificate valid until ${new Date(socket.getPeerCertificate().valid_to).toISOString().slice(0, 10)}`
      : 'plain http, on this machine'
    socket.destroy()
  }
  return [{ detail: Object.entries(found).map(([host, what]) => `${host}: ${what}`).join('; '), facts: found }, undefined]
}

async function fetchToken (config: Config): Promise<readonly [Finding, AccessToken]> {
  // Its files were read a moment ago, with the settings.
  const noWarning = (): void => {}
  const source = createTokenSource(config, systemClock, {
    readCredentials: () => ({ clientId: config.clientId.read(noWarning), clientSecret: config.clientSecret.read(noWarning) }),
    stop: new AbortController().signal
  })
  try {
    const token = await source.requestToken()
    const lifetimeS = Math.round(token.lifetimeMs / 1000)
    return [{ detail: `lives ${lifetimeS} s`, facts: { lifetimeS } }, token]
  } catch (thrown) {
    const { code, message, cause } = asProblem(thrown)
    throw new Wrong(`${message} ${PROBLEMS[code].advice}`, cause, { code })
  }
}

function lookAtClaims ({ tokenVerification: { mode } }: Config, { claims: { iss, aud }, show }: AccessToken): readonly [Finding, undefined] {
  const facts = { issuer: show(iss), audience: show(aud), verified: mode }
  const verified = { off: 'not verified: see VERIFY_TOKEN', claims: 'as expected', signature: 'as expected, and signed by the issuer' }[mode]
  return [{ detail: `issuer ${facts.issuer || 'not told'}, audience ${facts.audience || 'not told'} (${verified})`, facts }, undefined]
}

function lookAtScopes ({ tokenVerification: { requiredScopes } }: Config, { scopes, show }: AccessToken): readonly [Finding, undefined] {
  const required = requiredScopes.length === 0 ? 'none is required: see REQUIRED_SCOPES' : 'all that are required'
  return [{ detail: `${show(scopes.join(' ')) || 'none told'} (${required})`, facts: { scopes: scopes.map(show) } }, undefined]
}

async function askApi (config: Config, token: AccessToken): Promise<readonly [Finding, readonly string[]]> {
  const { apiUrl, apiBasePath, routes, upstreamConnectTimeoutMs, upstreamTimeoutMs } = config
  const dispatcher = createApiPool(config, systemClock, 1)
  const path = `${apiBasePath}${routes.includes('/venues') ? '/venues' : routes[0]}`
  const startedAtMs = systemClock.monotonicMs()
  try {
    const { statusCode, headers, body } = await request(apiUrl.origin + path, {
      dispatcher, signal: AbortSignal.timeout(upstreamConnectTimeoutMs + upstreamTimeoutMs), headers: { authorization: `Bearer ${token.value.reveal()}` }
    })
    await body.dump()
    const answer = `GET ${path} answered ${statusCode} in ${Math.round(systemClock.monotonicMs() - startedAtMs)} ms`
    const facts = { status: statusCode }
    if (statusCode === 401 || statusCode === 403) {
      throw new Wrong(`${answer}. The API refuses the token: check BOOKABLE_ENVIRONMENT, BOOKABLE_API_URL and BOOKABLE_AUDIENCE.`, undefined, facts)
    }
    return [{ detail: answer, facts }, Object.entries(headers).flatMap(([name, value]) => [name, String(value)])]
  } catch (thrown) {
    if (thrown instanceof Wrong) throw thrown
    throw new Wrong(`${apiUrl.origin} does not answer. Check BOOKABLE_API_URL and the network.`, thrown)
  } finally {
    await dispatcher.destroy()
  }
}

function lookAtQuota (headers: readonly string[]): readonly [Finding, undefined] {
  const quota = readQuota(headers)
  if (quota === undefined) return [{ detail: 'the API tells none' }, undefined]
  const { limit, remaining, resetsAtMs } = quota
  return [{ detail: `${remaining} of ${limit} requests left until ${new Date(resetsAtMs).toISOString().slice(11, 19)} UTC`, facts: { limit, remaining } }, undefined]
}
