import { get } from 'node:http'
import { loadAdminAddress } from '../config/load.ts'
import type { Environment } from '../config/read-settings.ts'
import { withoutControls } from '../printable.ts'

/** A probe that takes longer is a no. */
const TIMEOUT_MS = 3_000

/** A problem is some hundred bytes; whatever else listens there may send without end. */
const MAX_BODY_CHARS = 64 * 1024

/** How much of a problem's detail is shown. */
const MAX_SHOWN_CHARS = 1_000

/** Where to connect when ADMIN_HOST is a wildcard, which is an address to listen on only. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * Asks a running sidecar's /readyz.
 * @returns undefined when it is ready, else the reason in words
 * @throws SettingsError
 */
export async function askReadiness (environment: Environment): Promise<string | undefined> {
  const { host, port } = loadAdminAddress(environment)
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  return new Promise(resolve => {
    const no = (error: Error): void => {
      const why = signal.aborted ? `no answer in ${TIMEOUT_MS} ms` : error.message
      resolve(`no sidecar answers at ADMIN_HOST ${host}, ADMIN_PORT ${port} (${why})`)
    }
    get({ host: LOOPBACK_OF[host] ?? host, port, path: '/readyz', agent: false, signal }, response => {
      let body = ''
      response.setEncoding('utf8').on('error', no).on('data', (chunk: string) => {
        body += chunk
        if (body.length > MAX_BODY_CHARS) response.destroy(new Error('the answer has no end'))
      })
      response.on('end', () => resolve(response.statusCode === 200 ? undefined : `not ready: ${detailOf(body)}`))
    }).on('error', no)
  })
}

function detailOf (body: string): string {
  try {
    const problem: unknown = JSON.parse(body)
    if (typeof problem === 'object' && problem !== null && 'code' in problem && 'detail' in problem) return withoutControls(String(problem.detail)).slice(0, MAX_SHOWN_CHARS)
  } catch {
    // Something else listens there.
  }
  return 'the answer is not a sidecar\'s'
}
