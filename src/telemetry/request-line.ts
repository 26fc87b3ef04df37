import { messageOf } from '../cause.ts'
import { withoutControls } from '../printable.ts'
import type { Problem } from '../problem.ts'
import type { ExchangeRecord } from '../proxy/record.ts'

/** pino's number for info. */
const INFO = 30

/** Nothing in it that JSON escapes, and no control. */
const PLAIN = /^[ !#-[\]-~]*$/

/**
 * The line of one request, as pino would write it: one text instead of an object that is looked at key by key saves a fortieth of the CPU of a request.
 * @param timeMs epoch ms
 */
export function requestLine (record: ExchangeRecord, timeMs: number): string {
  const { route, upstreamMs, quotaWaitMs, quotaLeft, servedBy, repeat, problem } = record
  let line = `{"level":${INFO},"time":${timeMs},"reqId":${quoted(record.reqId)},"correlationId":${quoted(record.correlationId)}`
  if (route !== undefined) line += `,"route":${quoted(route)}`
  line += `,"method":${quoted(record.method)},"path":${quoted(record.path)},"status":${record.status},"durationMs":${rounded(record.durationMs)}`
  if (upstreamMs !== undefined) line += `,"upstreamMs":${rounded(upstreamMs)}`
  if (quotaWaitMs !== undefined) line += `,"quotaWaitMs":${rounded(quotaWaitMs)}`
  if (quotaLeft !== undefined) line += `,"quotaLeft":${quotaLeft}`
  if (servedBy !== 'api') line += `,"servedBy":"${servedBy}"`
  line += `,"bytes":${record.bytes},"attempts":${record.attempts}`
  if (repeat !== undefined) line += `,"repeat":"${repeat}"`
  if (problem !== undefined) line += `,"code":"${problem.code}"${causeField(problem)}`
  if (record.isAborted) line += ',"aborted":true'
  if (record.isBroken) line += ',"broken":true'
  return `${line},"msg":"request"}\n`
}

/** The system's or the library's word for what went wrong; addresses are for the log only. */
export function causeOf ({ cause }: Problem): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const message = messageOf(cause)
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  return cause instanceof AggregateError || message.includes(code) ? message : `${code}: ${message}`
}

function causeField (problem: Problem): string {
  const cause = causeOf(problem)
  return cause === undefined ? '' : `,"cause":${JSON.stringify(cause)}`
}

function quoted (text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(withoutControls(text))
}

function rounded (ms: number): number {
  return Math.round(ms * 100) / 100
}
