import { PROBLEMS, type ProblemCode } from '../../src/problem.ts'

/** One answer in what came back on a connection. */
export interface ParsedAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
  /** The connection ended amid it. */
  readonly isCut: boolean
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [^\r\n]*\r\n/

/**
 * The answers that came on one connection, one after the other.
 * @param text bytes as latin1
 * @throws where one does not begin with a status line
 */
export function answersIn (text: string): ParsedAnswer[] {
  const answers: ParsedAnswer[] = []
  for (let rest = text; rest !== '';) {
    const status = STATUS_LINE.exec(rest)
    if (status === null) throw new Error(`no answer begins so: ${JSON.stringify(rest.slice(0, 200))}`)
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd === -1) throw new Error(`a head without an end: ${JSON.stringify(rest.slice(0, 200))}`)
    const lines = rest.slice(status[0].length, Math.max(headEnd, status[0].length)).split('\r\n').filter(line => line !== '')
    const headers = lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const)
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0)
    const after = rest.slice(headEnd + 4)
    // An answer to HEAD has a length and no body; no body of these tests begins like an answer.
    const body = after.startsWith('HTTP/1.1 ') ? '' : after.slice(0, length)
    answers.push({ status: Number(status[1]), headers, body, isCut: body !== '' && body.length < length })
    rest = after.slice(body.length)
  }
  return answers
}

/** The value of a header that stands there once. */
export function headerOf ({ headers }: ParsedAnswer, name: string): string | undefined {
  return headers.find(([candidate]) => candidate === name)?.[1]
}

/** What is wrong with an answer of the sidecar's own; undefined where it is a proper problem (RFC 9457) of the table. */
export function faultOfProblem (answer: ParsedAnswer): string | undefined {
  if (headerOf(answer, 'content-type') !== 'application/problem+json') return 'its type is not application/problem+json'
  if ((headerOf(answer, 'x-correlation-id') ?? '') === '') return 'it has no X-Correlation-ID'
  if (answer.body === '' || answer.isCut) return undefined
  const problem = JSON.parse(answer.body) as unknown
  if (typeof problem !== 'object' || problem === null) return 'its body is no object'
  if (!('code' in problem) || !isCode(problem.code)) return 'its code is unknown'
  const { title, statuses } = PROBLEMS[problem.code]
  const expected = { type: `tag:bookable-sidecar,2026:${problem.code}`, title, status: answer.status, code: problem.code, isRetryable: problem.code.includes('-R-') }
  const { detail, ...rest } = { detail: undefined, ...problem }
  if (typeof detail !== 'string' || hasControls(detail)) return 'its detail is no line of text'
  if (!statuses.some(status => status === answer.status)) return `${problem.code} never has status ${answer.status}`
  return JSON.stringify(sorted(rest)) === JSON.stringify(sorted(expected)) ? undefined : 'its fields are not those of the table'
}

/** The code of a problem. */
export function codeOf ({ body }: ParsedAnswer): string | undefined {
  return /"code":"([^"]+)"/.exec(body)?.[1]
}

/** Controls of ASCII and of Latin-1, and the two line ends of Unicode. */
export function hasControls (text: string): boolean {
  // eslint-disable-next-line no-control-regex -- controls are what it looks for
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)
}

function isCode (code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(PROBLEMS, code)
}

function sorted (object: object): Array<[string, unknown]> {
  return Object.entries(object).sort(([a], [b]) => a < b ? -1 : 1)
}
