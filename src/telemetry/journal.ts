import type { Clock } from '../clock.ts'
import { linesOf, type Lines, type Logger } from '../logger.ts'
import { withoutControls } from '../printable.ts'
import { PROBLEMS, type Problem } from '../problem.ts'
import type { ExchangeRecord } from '../proxy/record.ts'
import type { RedisState } from '../redis/link.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Shortage } from '../quota/shortages.ts'
import type { RefreshReason } from '../token/source.ts'
import { causeOf, requestLine } from './request-line.ts'

/** What the log says, and at which level. The only place where events become lines. */
export class Journal {
  readonly #logger: Logger
  /** What was logged since the last token: each try meets the same refusal again, and there may be one a second. */
  readonly #storeRefusals = new Set<string>()
  readonly #lines: Lines
  readonly #clock: Clock

  constructor (logger: Logger, clock: Clock) {
    this.#logger = logger
    this.#lines = linesOf(logger)
    this.#clock = clock
  }

  /** One line a request. */
  exchange (record: ExchangeRecord): void {
    const { problem, reqId, correlationId } = record
    if (this.#logger.isLevelEnabled('info')) this.#lines.write(requestLine(record, this.#clock.nowMs()))
    if (problem?.code === 'PROXY-R-001') this.#logger.error({ reqId, correlationId: withoutControls(correlationId), err: problem.cause }, 'fault of the sidecar')
  }

  /** A request that the parser refused: there is no method or path to speak of. */
  refused ({ status, code, message: detail }: Problem, correlationId: string): void {
    this.#logger.info({ correlationId, status, code, detail }, 'request refused')
  }

  /** @param given the settings that differ from the defaults, fit to be shown */
  started (version: string, nodeVersion: string, given: Readonly<Record<string, string>>): void {
    this.#logger.info({ version, node: nodeVersion, settings: given }, 'starting')
  }

  listening (url: string, adminUrl: string): void {
    this.#logger.info({ url, adminUrl }, 'listening')
  }

  tokenRefreshed ({ lifetimeMs, scopes, show }: AccessToken, { reason, refreshInMs, isStored }: { reason: RefreshReason, refreshInMs: number, isStored: boolean }): void {
    this.#storeRefusals.clear()
    const fields = { reason, lifetimeS: Math.round(lifetimeMs / 1000), refreshInS: Math.round(refreshInMs / 1000), scope: show(scopes.join(' ')) }
    this.#logger.info(fields, isStored ? 'stored token taken' : 'token refreshed')
  }

  tokenFailed (problem: Problem, { reason, retryInMs, isStillValid }: { reason: RefreshReason, retryInMs: number, isStillValid: boolean }): void {
    const fields = { code: problem.code, reason, detail: problem.message, advice: PROBLEMS[problem.code].advice, cause: causeOf(problem), retryInMs: Math.round(retryInMs) }
    if (isStillValid) this.#logger.warn(fields, 'token refresh failed, current token still valid')
    else this.#logger.error(fields, 'no usable token')
  }

  /** A stored value was not used, or a value not stored; the sidecar goes on without it. Redis being away is told by `redisChanged` alone. */
  storeRefused (store: 'token' | 'quota' | 'idempotency', reason: string): void {
    const what = `${store} ${reason}`
    if (this.#storeRefusals.has(what)) return
    this.#storeRefusals.add(what)
    this.#logger.warn({ reason: withoutControls(reason) }, `${store} store refused`)
  }

  redisChanged ({ level, trouble }: RedisState, before: RedisState): void {
    if (level === 'up') this.#logger.info(before.level === 'starting' ? {} : { before: before.trouble?.reason }, 'redis is there')
    else this.#logger.warn({ reason: trouble?.reason, detail: trouble?.detail }, 'redis cannot be used, going on alone')
  }

  secretFileUnreadable (reason: string): void {
    this.#logger.warn({ reason }, 'secret file unreadable')
  }

  /** Neither a key nor the Host header keeps anybody out. */
  unguarded (host: string): void {
    this.#logger.warn({ host }, 'whoever can connect may book with these credentials: set INBOUND_API_KEY, or HOST to localhost; ALLOWED_HOSTS would stop web pages alone')
  }

  /** @param today what coalescing and the cache saved */
  quotaShortage ({ limit, held, refused }: Shortage, { requests, saved }: { requests: number, saved: number }): void {
    this.#logger.info({ limit, held, refused, savedToday: saved, requestsToday: requests }, 'quota was short in the last window')
  }

  drainStarted (inFlight: number): void {
    this.#logger.info({ inFlight }, 'drain started')
  }

  drainCutShort (inFlight: number): void {
    this.#logger.warn({ inFlight }, 'drain cut short')
  }

  drainEnded (): void {
    this.#logger.info('drain ended')
  }
}
