import closeWithGrace from 'close-with-grace'
import { systemClock } from '../clock.ts'
import { loadConfig } from '../config/load.ts'
import type { Environment } from '../config/read-settings.ts'
import { createLogger } from '../logger.ts'
import { startSidecar, type Sidecar } from '../sidecar.ts'

/** On top of the drain's own limits, before the process is ended by force. */
const GRACE_MS = 5_000

/**
 * Serves until SIGTERM or SIGINT, then drains and ends the process: 0 after a clean drain, 1 after one that was cut short.
 * @param onStarted told once, when apps can connect
 * @throws SettingsError, ListenError
 */
export async function serve (environment: Environment, onStarted: (sidecar: Sidecar) => void = () => {}): Promise<void> {
  const config = loadConfig(environment)
  const logger = createLogger(config.logLevel)
  const starting = startSidecar({ config, clock: systemClock, logger, random: Math.random, nodeVersion: process.version })
  // Still in the same turn: as process 1, node ignores signals that have no handler.
  closeWithGrace({
    delay: config.shutdownDelayMs + config.shutdownTimeoutMs + GRACE_MS,
    skip: ['beforeExit'],
    logger: false,
    onSecondSignal: signal => logger.warn({ signal }, 'second signal, ending at once')
  }, async ({ signal, err }) => {
    if (err !== undefined) logger.fatal({ err }, 'unexpected error, ending')
    else logger.info({ signal }, 'signal received')
    const sidecar = await starting
    if (!await sidecar.drain()) process.exit(1)
  })
  onStarted(await starting)
}
