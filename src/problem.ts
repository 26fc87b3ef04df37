/**
 * Every error response that the sidecar makes itself: RFC 9457 problem details with Bookable's `code` and `isRetryable`.
 * One table, one class. Answers of the API, errors too, pass unchanged and never come from here.
 */
interface ProblemRow {
  /** The first is the usual one. */
  readonly statuses: readonly [number, ...number[]]
  readonly title: string
  /** When it happens, for docs/errors.md. */
  readonly when: string
  /** What the caller can do, for docs/errors.md and as the last sentence of the detail. */
  readonly advice: string
}

export const PROBLEMS = {
  'PROXY-N-001': {
    statuses: [404],
    title: 'No such route',
    when: 'The path is not below one of ROUTES. It was not forwarded.',
    advice: 'Check the path, or ROUTES.'
  },
  'PROXY-N-002': {
    statuses: [405],
    title: 'Method not allowed',
    when: 'The method is not in ALLOWED_METHODS. `Allow` names those that are.',
    advice: 'Use one of the methods in the Allow header.'
  },
  'PROXY-N-003': {
    statuses: [421],
    title: 'Host not allowed',
    when: 'The Host header is not one of ALLOWED_HOSTS: a guard against pages whose name was rebound to this machine.',
    advice: 'Call the sidecar by a name in ALLOWED_HOSTS, or add this one.'
  },
  'PROXY-N-004': {
    statuses: [403],
    title: 'Request from another site',
    when: 'A browser says that a page from elsewhere made it send the request (Sec-Fetch-Site, Origin).',
    advice: 'The sidecar serves applications; a page cannot call it.'
  },
  'PROXY-N-005': {
    statuses: [401],
    title: 'Key missing or wrong',
    when: 'INBOUND_API_KEY is set, and the request does not hold it.',
    advice: 'Send the key as x-api-key, as Basic password or as Bearer.'
  },
  'PROXY-N-006': {
    statuses: [400, 408],
    title: 'Malformed request',
    when: 'The request is not proper HTTP, its path escapes its prefix or cannot be decoded, or (408) it never got whole.',
    advice: 'Correct the request; Bookable did not get it whole.'
  },
  'PROXY-N-007': {
    statuses: [431, 413],
    title: 'Request too large',
    when: 'The request line and headers exceed 16 KiB or 500 headers; or (413) a body with an Idempotency-Key exceeds 64 KiB.',
    advice: 'Send fewer or shorter headers; a body above 64 KiB without a key.'
  },
  'PROXY-R-001': {
    statuses: [500],
    title: 'Fault of the sidecar',
    when: 'The sidecar itself failed. The log has the cause under the same correlation id.',
    advice: 'Look the correlation id up in the log of the sidecar and report the cause.'
  },
  'TOKEN-R-001': {
    statuses: [503],
    title: 'Token endpoint unavailable',
    when: 'The token endpoint cannot be reached, does not answer in TOKEN_WAIT_MS, or answers neither a token nor a refusal.',
    advice: 'Retry after the time in Retry-After; if it lasts, check BOOKABLE_TOKEN_URL and the network.'
  },
  'TOKEN-R-002': {
    statuses: [503],
    title: 'Token response unusable',
    when: 'The token endpoint answered 2xx, but not with a Bearer token that can be used, or the token fails VERIFY_TOKEN or REQUIRED_SCOPES.',
    advice: 'Check BOOKABLE_TOKEN_URL and BOOKABLE_AUDIENCE.'
  },
  'TOKEN-N-001': {
    statuses: [502],
    title: 'Credentials refused',
    when: 'The token endpoint refuses the client credentials. Its OAuth2 error is named.',
    advice: 'Check BOOKABLE_CLIENT_ID, BOOKABLE_CLIENT_SECRET and BOOKABLE_ENVIRONMENT.'
  },
  'UPSTR-R-001': {
    statuses: [502, 504],
    title: 'Bookable unreachable',
    when: 'The API could not be reached (504: not in time) and nothing was sent, or a read broke off.',
    advice: 'Nothing was changed; it is safe to send the request again.'
  },
  'UPSTR-R-002': {
    statuses: [504],
    title: 'Bookable did not answer in time',
    when: 'The API took a read but did not answer it within UPSTREAM_TIMEOUT_MS.',
    advice: 'Nothing was changed; it is safe to send the request again.'
  },
  'UPSTR-N-001': {
    statuses: [502, 504],
    title: 'Outcome unknown',
    when: 'A write was sent and its outcome is not known: it may have been carried out.',
    advice: 'Look the booking up before sending the request again: it may exist already.'
  },
  'RATE-R-001': {
    statuses: [429],
    title: 'Quota spent',
    when: 'The quota of the API is spent, and waiting for the next window would take longer than QUOTA_MAX_WAIT_MS.',
    advice: 'Nothing was changed; retry after the time in Retry-After.'
  },
  'IDEMP-R-001': {
    statuses: [409],
    title: 'First request still runs',
    when: 'The first request with this Idempotency-Key still runs, and its repeat has waited for UPSTREAM_TIMEOUT_MS; with BOOKING_REPEAT_WINDOW_SECONDS also that of an equal booking without a key.',
    advice: 'This one was not sent. Send the same again: it gets the answer of the first when that has ended.'
  },
  'IDEMP-N-001': {
    statuses: [422],
    title: 'Key of another request',
    when: 'The Idempotency-Key was used before, for a request with another method, target, partner reference or body.',
    advice: 'Use a new key for each booking, and send it again with the same request alone.'
  },
  'IDEMP-N-002': {
    statuses: [400],
    title: 'Malformed Idempotency-Key',
    when: 'A POST or PATCH has an Idempotency-Key that is none, or two of them.',
    advice: 'Send one key of 1 to 255 visible ASCII characters, such as a UUID; quotes around it are no part of it.'
  },
  'LOAD-R-001': {
    statuses: [503],
    title: 'Too many requests in flight',
    when: 'MAX_IN_FLIGHT requests are being served already, or as many with an Idempotency-Key as IDEMPOTENCY_MAX_RECORDS and IDEMPOTENCY_MAX_MB have room for; or the sidecar was held up for seconds before a request with one left, and the others of its fleet may have given it up. Nothing was sent.',
    advice: 'Retry after the time in Retry-After.'
  },
  'DRAIN-R-001': {
    statuses: [503],
    title: 'Shutting down',
    when: 'The sidecar is draining and takes no new requests.',
    advice: 'Nothing was changed; retry on a new connection.'
  }
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof PROBLEMS

/** The wire form (RFC 9457 §3.1). */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly isRetryable: boolean
}

interface ProblemOptions {
  /** Where the row has more than one status. */
  readonly status?: number | undefined
  /** Sent as Retry-After, rounded up to whole seconds. */
  readonly retryAfterMs?: number | undefined
  /** Sent as Allow. */
  readonly allow?: readonly string[] | undefined
  /** Sent as X-RateLimit-Limit, -Remaining and -Reset, as the API does. */
  readonly quota?: QuotaFacts | undefined
  /** For the log only, never for the caller. */
  readonly cause?: unknown
}

interface QuotaFacts { readonly limit: number, readonly remaining: number, readonly resetsAtMs: number }

/**
 * A failure that the caller is told of.
 * @param what happened, in one or more sentences; the table's advice follows it in `detail`
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly allow: readonly string[] | undefined
  readonly quota: QuotaFacts | undefined

  constructor (code: ProblemCode, what: string, options: ProblemOptions = {}) {
    // It says all in words, and its cause has a stack: to capture another one is most of what a refusal costs, and they come in storms.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(what, options.cause === undefined ? undefined : { cause: options.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.status = options.status ?? PROBLEMS[code].statuses[0]
    this.retryAfterMs = options.retryAfterMs
    this.allow = options.allow
    this.quota = options.quota
  }

  /** R may be retried, N may not; see the code's form RESOURCE-X-NNN. */
  get isRetryable (): boolean {
    return this.code.includes('-R-')
  }

  toBody (): ProblemBody {
    const { title, advice } = PROBLEMS[this.code]
    return {
      // RFC 9457 §4.2.1: a tag URI where there is nothing to dereference.
      type: `tag:bookable-sidecar,2026:${this.code}`,
      title,
      status: this.status,
      detail: `${this.message} ${advice}`,
      code: this.code,
      isRetryable: this.isRetryable
    }
  }

  /** The headers that belong to it, for both listeners, as a flat list of names and values. */
  toHeaders (correlationId: string, bodyLength: number): string[] {
    const headers = [
      'Content-Type', 'application/problem+json',
      'Content-Length', String(bodyLength),
      'Cache-Control', 'no-store',
      'X-Correlation-ID', correlationId
    ]
    if (this.retryAfterMs !== undefined) headers.push('Retry-After', String(Math.max(Math.ceil(this.retryAfterMs / 1000), 1)))
    // RFC 9110 §11.6.1: a 401 names the schemes that would do.
    if (this.status === 401) headers.push('WWW-Authenticate', 'Basic realm="bookable-sidecar", Bearer')
    if (this.allow !== undefined) headers.push('Allow', this.allow.join(', '))
    if (this.quota !== undefined) {
      const { limit, remaining, resetsAtMs } = this.quota
      headers.push('X-RateLimit-Limit', String(limit), 'X-RateLimit-Remaining', String(remaining), 'X-RateLimit-Reset', String(Math.round(resetsAtMs / 1000)))
    }
    return headers
  }
}

/** Anything thrown becomes a problem: what is not one already is a fault of ours, with the cause kept for the log. */
export function asProblem (thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  return new Problem('PROXY-R-001', 'The sidecar failed while it handled this request.', { cause: thrown })
}
