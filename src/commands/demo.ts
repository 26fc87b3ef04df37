import { systemClock } from '../clock.ts'
import type { Environment } from '../config/read-settings.ts'
import { parseFault, type FaultSettings } from '../simulator/faults.ts'
import { startSimulator, type Simulator } from '../simulator/simulator.ts'
import { UsageError } from './help.ts'
import { serve } from './serve.ts'

/** Settings that would lead out of the demo, and are not handed on. */
const IGNORED = /^(BOOKABLE_.*|[A-Z]+_STORE(_PATH)?|REDIS_URL(_FILE)?|(https?|no)_proxy)$/i

/**
 * Serves like `serve`, against a simulator in the same process: no credentials, no network.
 * @param faults from the start on, as NAME or NAME=VALUE
 * @param tell what a person should know; stdout is the log
 * @throws SettingsError, ListenError, UsageError
 */
export async function demo (environment: Environment, faults: readonly string[], tell: (text: string) => void): Promise<void> {
  const simulator = await startSimulator({ clock: systemClock, faults: readFaultFlags(faults) })
  const own = Object.fromEntries(Object.entries(environment).filter(([name]) => !IGNORED.test(name)))
  const credentials = {
    BOOKABLE_API_URL: simulator.origin,
    BOOKABLE_TOKEN_URL: simulator.tokenUrl,
    BOOKABLE_CLIENT_ID: simulator.clientId,
    BOOKABLE_CLIENT_SECRET: simulator.clientSecret
  }
  await serve({ ...own, ...credentials }, ({ url }) => {
    tell(introduction(url.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost'), simulator, credentials, curlFor(environment)))
  })
}

function readFaultFlags (faults: readonly string[]): FaultSettings {
  try {
    return Object.assign({}, ...faults.map(parseFault)) as FaultSettings
  } catch (error) {
    throw new UsageError(`--fault: ${(error as Error).message.replace(/\.$/, '')}`)
  }
}

/** Where the environment names a proxy, curl would ask it for localhost too. */
function curlFor ({ http_proxy: forHttp, all_proxy: forAll, ALL_PROXY: forAllToo }: Environment): string {
  return forHttp || forAll || forAllToo ? "curl --noproxy '*'" : 'curl'
}

function introduction (url: string, simulator: Simulator, credentials: Readonly<Record<string, string>>, curl: string): string {
  const { compositeId, date, time, partySize } = simulator.example
  const venue = encodeURIComponent(compositeId)
  const booking = {
    firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', phone: '+44 20 7946 0000', partySize, date, time, type: 'book'
  }
  return `
This is a demo: a simulator plays Bookable, and nothing leaves this machine.
Paste into another terminal:

  # 1. List venues
  ${curl} '${url}/venues'

  # 2. Ask for a table
  ${curl} '${url}/venues/${venue}/availability?date=${date}&partySize=${partySize}'

  # 3. Book it
  ${curl} '${url}/venues/${venue}/booking' -H 'Content-Type: application/json' -d '${JSON.stringify(booking)}'

To see what an app gets when something fails, POST {"api-hang":true} to
${simulator.faultsUrl}; GET lists what can fail, {} heals.

A second sidecar can use the same simulator, with these made-up credentials:

  ${Object.entries(credentials).map(([name, value]) => `${name}=${value}`).join(' \\\n  ')} \\
  PORT=9080 ADMIN_PORT=9081 npm start

Ctrl-C ends it.

`
}
