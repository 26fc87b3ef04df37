import { request } from 'undici'
import { systemClock } from '../clock.ts'
import { loadConfig, SettingsError, type Config, type Environment } from '../config/load.ts'
import { createApiPool, createTokenSource } from '../outbound.ts'
import { asProblem, messageOf, PROBLEMS } from '../problem.ts'
import type { AccessToken } from '../token/access-token.ts'

/** One thing that was looked at, in words that hold no secret. */
export interface CheckStep {
  readonly name: 'settings' | 'token' | 'api'
  readonly ok: boolean
  readonly detail: string
  /** What was found, for machines. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/**
 * Does once, before anything depends on it, what serving does all day: reads the settings, fetches a token, asks the API.
 * Stops at the first step that fails, since the later ones build on it.
 */
export async function check (environment: Environment): Promise<readonly CheckStep[]> {
  const steps: CheckStep[] = []
  let config: Config
  try {
    config = loadConfig(environment)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return [{ name: 'settings', ok: false, detail: error.mistakes.join('\n') }]
  }
  const { apiUrl, tokenRequest: { url: tokenUrl } } = config
  steps.push({ name: 'settings', ok: true, detail: `token from ${tokenUrl.href}, API at ${apiUrl.href}`, facts: { apiUrl, tokenUrl } })
  const token = await fetchToken(config, steps)
  if (token !== undefined) steps.push(await askApi(config, token))
  return steps
}

async function fetchToken (config: Config, steps: CheckStep[]): Promise<AccessToken | undefined> {
  // Its files were read a moment ago, with the settings.
  const noWarning = (): void => {}
  const source = createTokenSource(config, systemClock, {
    readCredentials: () => ({ clientId: config.clientId.read(noWarning), clientSecret: config.clientSecret.read(noWarning) }),
    stop: new AbortController().signal
  })
  try {
    const token = await source.requestToken()
    const { claims: { iss, aud }, scopes, lifetimeMs, show } = token
    const facts = { issuer: show(iss), audience: show(aud), scopes: scopes.map(show), lifetimeS: lifetimeMs / 1000 }
    const { issuer, audience, lifetimeS } = facts
    const detail = `issuer ${issuer || 'not told'}, audience ${audience || 'not told'}, scopes ${show(scopes.join(' ')) || 'none'}, lifetime ${lifetimeS} s`
    steps.push({ name: 'token', ok: true, detail, facts })
    return token
  } catch (thrown) {
    const problem = asProblem(thrown)
    const { advice } = PROBLEMS[problem.code]
    steps.push({ name: 'token', ok: false, detail: `${problem.message} ${advice}${because(problem.cause)}`, facts: { code: problem.code } })
    return undefined
  }
}

async function askApi (config: Config, token: AccessToken): Promise<CheckStep> {
  const { apiUrl, apiBasePath, routes, upstreamConnectTimeoutMs, upstreamTimeoutMs } = config
  const dispatcher = createApiPool(config, systemClock, 1)
  const path = `${apiBasePath}${routes.includes('/venues') ? '/venues' : routes[0]}`
  const startedAtMs = systemClock.monotonicMs()
  try {
    const { statusCode, body } = await request(apiUrl.origin + path, {
      dispatcher, signal: AbortSignal.timeout(upstreamConnectTimeoutMs + upstreamTimeoutMs), headers: { authorization: `Bearer ${token.value.reveal()}` }
    })
    await body.dump()
    const answer = `GET ${path} answered ${statusCode} in ${Math.round(systemClock.monotonicMs() - startedAtMs)} ms`
    const isRefused = statusCode === 401 || statusCode === 403
    const advice = isRefused ? '. The API refuses the token: check BOOKABLE_ENVIRONMENT, BOOKABLE_API_URL and BOOKABLE_AUDIENCE.' : ''
    return { name: 'api', ok: !isRefused, detail: answer + advice, facts: { status: statusCode } }
  } catch (error) {
    return { name: 'api', ok: false, detail: `${apiUrl.origin} does not answer. Check BOOKABLE_API_URL and the network.${because(error)}` }
  } finally {
    await dispatcher.close()
  }
}

function because (cause: unknown): string {
  return cause instanceof Error ? ` (${messageOf(cause)})` : ''
}
