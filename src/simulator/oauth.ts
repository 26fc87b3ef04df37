import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import { failAnswers, failTokenRequest } from './fault-hooks.ts'
import type { Faults } from './faults.ts'
import { isRecord } from './fields.ts'
import type { TokenIssuer } from './tokens.ts'

/** The one client this Bookable knows. Made up: it opens nothing but a simulator. */
export const CLIENT_ID = 'simulator-client-id'
/** Its made-up secret. */
export const CLIENT_SECRET = 'simulator-client-secret-not-a-real-one'
/** The audience of Bookable's API, the same in all its environments. */
export const AUDIENCE = 'api.bookabletech.com'
/** Where tokens are had. */
export const TOKEN_PATH = '/oauth/token'

const SCOPE = 'venue:read venue-booking:create'

/** A refusal of the token endpoint (RFC 6749 §5.2), with the statuses and words of Auth0. */
interface TokenRefusal {
  readonly status: 400 | 401 | 403
  readonly error: 'invalid_request' | 'unsupported_grant_type' | 'access_denied'
  readonly description: string
}

/** Why a token request is refused, undefined when a token is due. */
function refusalOf (body: unknown): TokenRefusal | undefined {
  const given = isRecord(body) ? body : {}
  for (const name of ['grant_type', 'client_id', 'client_secret']) {
    if (typeof given[name] !== 'string' || given[name] === '') {
      return { status: 400, error: 'invalid_request', description: `Missing required parameter: ${name}` }
    }
  }
  if (given['grant_type'] !== 'client_credentials') {
    return { status: 403, error: 'unsupported_grant_type', description: `Unsupported grant type: ${given['grant_type']}` }
  }
  if (given['client_id'] !== CLIENT_ID || given['client_secret'] !== CLIENT_SECRET) {
    return { status: 401, error: 'access_denied', description: 'Unauthorized' }
  }
  if (given['audience'] !== AUDIENCE) {
    return { status: 403, error: 'access_denied', description: `Service not found: ${given['audience'] ?? '(no audience)'}` }
  }
  return undefined
}

/** What the token endpoint needs; `issuer` is asked late because the port is known only once it listens. */
export interface OAuthOptions {
  readonly clock: Clock
  readonly tokens: TokenIssuer
  readonly faults: Faults
  readonly tokenLifetimeS: number
  readonly issuer: () => string
  readonly onTokenRequest: () => void
}

/** Adds the token endpoint and the two documents by which an OAuth2 client finds it and its keys. */
export function addOAuthRoutes (app: FastifyInstance, { clock, tokens, faults, tokenLifetimeS, issuer, onTokenRequest }: OAuthOptions): void {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())))
  })
  // Only what cannot be read gets here: every other refusal is an answer of the route.
  app.setErrorHandler((_error, _request, reply) => {
    return reply.code(400).send({ error: 'invalid_request', error_description: 'The body is neither JSON nor a form' })
  })

  app.post(TOKEN_PATH, {
    async onRequest (_request, reply) {
      onTokenRequest()
      return failTokenRequest(faults, reply)
    },
    onSend: failAnswers('token', faults, clock)
  }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    const refusal = refusalOf(request.body)
    if (refusal !== undefined) return reply.code(refusal.status).send({ error: refusal.error, error_description: refusal.description })
    const grant = { issuer: issuer(), audience: AUDIENCE, clientId: CLIENT_ID, scope: SCOPE, lifetimeS: tokenLifetimeS }
    return { access_token: tokens.issue(grant, clock.nowMs()), scope: SCOPE, expires_in: tokenLifetimeS, token_type: 'Bearer' }
  })

  app.get('/.well-known/jwks.json', async () => tokens.jwks())

  app.get('/.well-known/openid-configuration', async () => ({
    issuer: issuer(),
    token_endpoint: new URL(TOKEN_PATH, issuer()).href,
    jwks_uri: new URL('/.well-known/jwks.json', issuer()).href
  }))
}
