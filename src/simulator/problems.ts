const TYPES = {
  400: 'https://tools.ietf.org/html/rfc7231#section-6.5.1',
  401: 'https://tools.ietf.org/html/rfc7235#section-3.1',
  404: 'https://tools.ietf.org/html/rfc7231#section-6.5.4',
  405: 'https://tools.ietf.org/html/rfc7231#section-6.5.5',
  409: 'https://tools.ietf.org/html/rfc7231#section-6.5.8',
  413: 'https://tools.ietf.org/html/rfc7231#section-6.5.11',
  415: 'https://tools.ietf.org/html/rfc7231#section-6.5.13',
  422: 'https://tools.ietf.org/html/rfc4918#section-11.2',
  429: 'https://tools.ietf.org/html/rfc6585#section-4',
  500: 'https://tools.ietf.org/html/rfc7231#section-6.6.1'
} as const

/**
 * Every problem this Bookable answers with. Codes below 100 and RATE-R-001 stand in Bookable's published error catalog;
 * from 100 on they are the simulator's, so that a number of the catalog is never given another meaning.
 */
const PROBLEMS = {
  'IDENT-N-101': { status: 401, title: 'Missing Access Token' },
  'IDENT-N-102': { status: 401, title: 'Invalid Access Token' },
  'RATE-R-001': { status: 429, title: 'Too Many Requests' },
  'VENUE-N-101': { status: 400, title: 'Invalid Venue Query' },
  'VENUE-N-102': { status: 404, title: 'Venue Not Found' },
  'AVAIL-N-001': { status: 404, title: 'Product Not Found' },
  'AVAIL-N-004': { status: 422, title: 'Venue Closed on Requested Date' },
  'AVAIL-N-101': { status: 400, title: 'Invalid Availability Query' },
  'AVAIL-N-102': { status: 422, title: 'Date in the Past' },
  'AVAIL-N-103': { status: 422, title: 'Party Too Large' },
  'BOOK-N-101': { status: 400, title: 'Invalid Booking' },
  'BOOK-N-102': { status: 409, title: 'Time Slot Not Available' },
  'BOOK-N-103': { status: 404, title: 'Booking Not Found' },
  'BOOK-N-104': { status: 409, title: 'Booking Already Cancelled' },
  'FAULT-N-101': { status: 400, title: 'Invalid Faults' },
  'HTTP-N-400': { status: 400, title: 'Bad Request' },
  'HTTP-N-404': { status: 404, title: 'Not Found' },
  'HTTP-N-405': { status: 405, title: 'Method Not Allowed' },
  'HTTP-N-413': { status: 413, title: 'Content Too Large' },
  'HTTP-N-415': { status: 415, title: 'Unsupported Media Type' },
  'HTTP-R-500': { status: 500, title: 'Internal Server Error' }
} as const satisfies Record<string, { readonly status: keyof typeof TYPES, readonly title: string }>

/** A code of the table: RESOURCE-X-NNN, where X is R (a retry may help) or N (it will not). */
export type BookableCode = keyof typeof PROBLEMS

/** One thing that is wrong with a request. */
export interface FieldError { readonly field: string, readonly message: string }

/** A refusal in Bookable's shape: thrown by any rule, answered in one place. */
export class BookableProblem extends Error {
  readonly code: BookableCode
  readonly errors: readonly FieldError[]

  constructor (code: BookableCode, detail: string, errors: readonly FieldError[] = []) {
    super(detail)
    this.code = code
    this.errors = errors
  }

  get status (): number {
    return PROBLEMS[this.code].status
  }

  /** The `application/problem+json` body (RFC 9457 §3), with Bookable's `code` and `isRetryable`. */
  toJSON (): object {
    const { status, title } = PROBLEMS[this.code]
    return {
      type: TYPES[status],
      title,
      status,
      detail: this.message,
      code: this.code,
      isRetryable: this.code.includes('-R-'),
      ...(this.errors.length > 0 && { errors: this.errors })
    }
  }
}

const HTTP_CODES: Readonly<Record<number, BookableCode>> = {
  400: 'HTTP-N-400',
  404: 'HTTP-N-404',
  413: 'HTTP-N-413',
  415: 'HTTP-N-415'
}

/** Whatever was thrown, as a problem: Fastify's own refusals keep their status, anything else is a fault of the simulator. */
export function toBookableProblem (thrown: unknown): BookableProblem {
  if (thrown instanceof BookableProblem) return thrown
  const status = thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : 500
  return new BookableProblem(HTTP_CODES[status] ?? 'HTTP-R-500', thrown instanceof Error ? thrown.message : String(thrown))
}
