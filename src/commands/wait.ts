import { delay, type Clock } from '../clock.ts'
import type { Environment } from '../config/read-settings.ts'
import { askReadiness } from './healthcheck.ts'

const INTERVAL_MS = 250

/**
 * Blocks until a running sidecar is ready.
 * @returns undefined when it is, else why it was not in time
 * @throws SettingsError
 */
export async function waitUntilReady (environment: Environment, clock: Clock, timeoutMs: number): Promise<string | undefined> {
  const untilMs = clock.monotonicMs() + timeoutMs
  for (;;) {
    const reason = await askReadiness(environment)
    if (reason === undefined) return undefined
    if (clock.monotonicMs() + INTERVAL_MS > untilMs) return `gave up after ${timeoutMs / 1000} s: ${reason}`
    await delay(clock, INTERVAL_MS)
  }
}
