import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import { request } from 'undici'
import { cureOf, messageOf } from '../cause.ts'
import { isoTime, systemClock } from '../clock.ts'
import { loadConfig, type Config } from '../config/load.ts'
import { SettingsError, type Environment } from '../config/read-settings.ts'
import { withoutBrackets } from '../config/parse.ts'
import { connectTo, createApiPool, createTokenParts, proxyFor } from '../outbound.ts'
import { asProblem, PROBLEMS } from '../problem.ts'
import { readQuota } from '../quota/window.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { TokenEndpoint } from '../token/endpoint.ts'
import type { Verification } from '../token/verified.ts'

/** One thing that was looked at, in words that hold no secret. */
export interface CheckStep {
  readonly name: 'settings' | 'dns' | 'tls' | 'token' | 'claims' | 'scopes' | 'api' | 'quota'
  readonly ok: boolean
  /** What was found; or what is wrong, and what to do next. */
  readonly detail: string
  /** The same for machines. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/** What `check` prints: a line for each step, or all of it in one of JSON. */
export function reportOf (steps: readonly CheckStep[], format: 'text' | 'json'): string {
  if (format === 'json') return `${JSON.stringify({ ok: steps.every(({ ok }) => ok), steps })}\n`
  return steps.map(({ name, ok, detail }) => `${ok ? '✓' : '✗'} ${name}: ${detail}\n`).join('')
}

/** Thrown by a step: what is wrong, and what to do next. */
class Wrong extends Error {
  readonly facts: Readonly<Record<string, unknown>> | undefined

  constructor (what: string, cause?: unknown, facts?: Readonly<Record<string, unknown>>) {
    // OpenSSL's messages end with a line break.
    super(cause instanceof Error ? `${what} (${messageOf(cause).trimEnd()})` : what)
    this.facts = facts
  }
}

type Finding = Pick<CheckStep, 'detail' | 'facts'>

/** What a step found, and what later steps need of it. */
type Found<Result = undefined> = readonly [Finding, Result]

/**
 * Does once, step by step from the settings to the quota, what serving does all day. Ends at a failed step without which the later ones make
 * no sense.
 */
export async function check (environment: Environment): Promise<readonly CheckStep[]> {
  const steps: CheckStep[] = []
  const step = async <Result>(name: CheckStep['name'], look: () => Promise<Found<Result>>): Promise<Result> => {
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
    const config = await step('settings', async () => lookAtSettings(environment))
    const hosts = [...new Map([config.tokenRequest.url, config.apiUrl].map(url => [url.origin, url])).values()]
    // Not the end: of two hosts one may be well, and the later steps tell what that means.
    await step('dns', async () => resolve(config, hosts)).catch(unlessOurs)
    await step('tls', async () => connect(config, hosts)).catch(unlessOurs)
    const { endpoint, verification } = tokenPartsOf(config)
    const { mode, requiredScopes } = config.tokenVerification
    const token = await step('token', async () => fetchToken(endpoint, verification))
    await step('claims', async () => lookAtClaims(verification, mode, token))
    await step('scopes', async () => lookAtScopes(verification, requiredScopes, token))
    const headers = await step('api', async () => askApi(config, token))
    await step('quota', async () => lookAtQuota(headers))
  } catch (thrown) {
    unlessOurs(thrown)
  }
  return steps
}

/** Passes over a Wrong, which is among the steps already. Anything else is a fault of ours. */
function unlessOurs (thrown: unknown): void {
  if (!(thrown instanceof Wrong)) throw thrown
}

function tokenPartsOf (config: Config): ReturnType<typeof createTokenParts> {
  // The files of secrets were read a moment ago, with the settings.
  const noWarning = (): void => {}
  return createTokenParts(config, systemClock, {
    readCredentials: () => ({ clientId: config.clientId.read(noWarning), clientSecret: config.clientSecret.read(noWarning) }),
    stop: new AbortController().signal
  })
}

function lookAtSettings (environment: Environment): Found<Config> {
  try {
    const config = loadConfig(environment)
    const { apiUrl, tokenRequest: { url: tokenUrl } } = config
    return [{ detail: `token from ${tokenUrl.href}, API at ${apiUrl.href}`, facts: { apiUrl, tokenUrl } }, config]
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    throw new Wrong(error.mistakes.join('\n  '), undefined, { mistakes: error.mistakes })
  }
}

async function resolve (config: Config, hosts: readonly URL[]): Promise<Found> {
  return ofEach(hosts, async url => {
    const { hostname } = url
    const proxy = proxyFor(config, url)
    if (proxy !== undefined) return `${hostname}: left to the outbound proxy ${proxy.url.host}`
    if (isIP(withoutBrackets(hostname)) !== 0) return `${hostname}: an address already`
    const addresses = await lookup(hostname, { all: true }).catch((cause: unknown) => {
      throw new Wrong(`${hostname} cannot be resolved. Check the URL in the settings, this machine's DNS, or whether HTTPS_PROXY is needed.`, cause)
    })
    return `${hostname}: ${addresses.map(({ address }) => address).join(' ')}`
  })
}

async function connect (config: Config, hosts: readonly URL[]): Promise<Found> {
  return ofEach(hosts, async url => {
    const socket = await connectTo(config, url, systemClock).catch((cause: unknown) => {
      throw new Wrong(url.protocol === 'http:'
        ? `Nothing answers at ${url.host}. Check the URL in the settings, or start what is to listen there.`
        : `No verified connection to ${url.host}. ${cureOf(cause) ?? 'Check the network and HTTPS_PROXY.'}`, cause)
    })
    try {
      if (!(socket instanceof TLSSocket)) return `${url.host}: plain http, on this machine`
      return `${url.host}: ${socket.getProtocol()}, certificate valid until ${isoTime(Date.parse(socket.getPeerCertificate().valid_to)).slice(0, 10)}`
    } finally {
      // A destroyed socket knows nothing of its certificate.
      socket.destroy()
    }
  })
}

/** Looks at each host: what was found, or what is wrong with those that are not well. */
async function ofEach (hosts: readonly URL[], look: (url: URL) => Promise<string>): Promise<Found> {
  const results = await Promise.allSettled(hosts.map(look))
  const wrong = results.flatMap(result => result.status === 'rejected' ? [result.reason as unknown] : [])
  wrong.forEach(unlessOurs)
  if (wrong.length > 0) throw new Wrong(wrong.map(each => (each as Wrong).message).join(' '))
  const found = results.flatMap(result => result.status === 'fulfilled' ? [result.value] : [])
  return [{ detail: found.join('; '), facts: { found } }, undefined]
}

async function fetchToken (endpoint: TokenEndpoint, verification: Verification): Promise<Found<AccessToken>> {
  const token = await asWrong(async () => {
    await verification.prepare()
    return endpoint.requestToken()
  })
  const lifetimeS = Math.round(token.lifetimeMs / 1000)
  return [{ detail: `lives ${lifetimeS} s`, facts: { lifetimeS } }, token]
}

async function lookAtClaims (verification: Verification, mode: Config['tokenVerification']['mode'], token: AccessToken): Promise<Found> {
  await asWrong(async () => verification.verify(token))
  const { claims: { iss, aud }, show } = token
  const facts = { issuer: show(iss), audience: show(aud), verified: mode }
  const words = { off: 'not verified: see VERIFY_TOKEN', claims: 'as expected', signature: 'as expected, and signed by the issuer' }[mode]
  return [{ detail: `issuer ${facts.issuer || 'not told'}, audience ${facts.audience || 'not told'} (${words})`, facts }, undefined]
}

async function lookAtScopes (verification: Verification, required: readonly string[], token: AccessToken): Promise<Found> {
  await asWrong(async () => verification.verifyScopes(token))
  const { scopes, show } = token
  const words = required.length === 0 ? 'none is required: see REQUIRED_SCOPES' : 'all that are required'
  return [{ detail: `${show(scopes.join(' ')) || 'none told'} (${words})`, facts: { scopes: scopes.map(show) } }, undefined]
}

/** A problem of the token endpoint or of its token, for a person. */
async function asWrong<Result> (work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    const { code, message, cause } = asProblem(thrown)
    // Who stands at a terminal sees no Retry-After.
    const advice = code === 'TOKEN-R-001' ? 'Check BOOKABLE_TOKEN_URL and the network from here.' : PROBLEMS[code].advice
    throw new Wrong(`${message} ${advice}`, cause, { code })
  }
}

async function askApi (config: Config, token: AccessToken): Promise<Found<readonly string[]>> {
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
    const advice = adviceFor(statusCode)
    if (advice !== undefined) throw new Wrong(`${answer}. ${advice}`, undefined, facts)
    return [{ detail: answer, facts }, Object.entries(headers).flatMap(([name, value]) => [name, String(value)])]
  } catch (thrown) {
    if (thrown instanceof Wrong) throw thrown
    throw new Wrong(`${apiUrl.origin} does not answer. ${cureOf(thrown) ?? 'Check BOOKABLE_API_URL and the network.'}`, thrown)
  } finally {
    await dispatcher.destroy()
  }
}

/** Undefined for an answer as it should be. */
function adviceFor (status: number): string | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status === 401 || status === 403) return 'The API refuses the token: check BOOKABLE_ENVIRONMENT, BOOKABLE_API_URL, BOOKABLE_AUDIENCE and the scopes.'
  if (status === 429) return 'The token is good, but the quota is spent: wait a minute and look who spends it.'
  if (status >= 500) return 'The API has a fault of its own: wait, and ask Bookable if it lasts.'
  return 'This is not how Bookable answers: check BOOKABLE_API_URL, its path too, and ROUTES.'
}

function lookAtQuota (headers: readonly string[]): Found {
  const quota = readQuota(headers)
  if (quota === undefined) return [{ detail: 'the API tells none' }, undefined]
  const { limit, remaining, resetsAtMs } = quota
  return [{ detail: `${remaining} of ${limit} requests left until ${isoTime(resetsAtMs).slice(-13, -5)} UTC`, facts: { limit, remaining } }, undefined]
}
