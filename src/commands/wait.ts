import { delay, systemClock } from '../clock.ts'
import type { Environment } from '../config/read-settings.ts'
import { askReadiness } from './healthcheck.ts'

const INTERVAL_MS = 250

/**
 * Blocks until a running sidecar is ready.
 * @returns undefined when it is, else why it was not in time
 * @throws SettingsError
 */
export async function waitUntilReady (environment: Environment, timeoutMs: number): Promise<string | undefined> {
  const untilMs = systemClock.monotonicMs() + timeoutMs
  for (;;) {
    const reason = await askReadiness(environment)
    if (reason === undefined) return undefined
    if (systemClock.monotonicMs() + INTERVAL_MS > untilMs) return `gave up after ${timeoutMs / 1000} s: ${reason}`
    await delay(systemClock, INTERVAL_MS)
  }
}
