import { get } from 'node:http'
import { loadAdminAddress, type Environment } from '../config/load.ts'

/** A probe that takes longer is a no. */
const TIMEOUT_MS = 3_000

/** What a process listens on and what one connects to differ for wildcards. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * Asks a running sidecar's /readyz.
 * @returns undefined when it is ready, else the reason in words
 * @throws SettingsError
 */
export async function askReadiness (environment: Environment): Promise<string | undefined> {
  const { host, port } = loadAdminAddress(environment)
  return new Promise(resolve => {
    const request = get({ host: LOOPBACK_OF[host] ?? host, port, path: '/readyz', timeout: TIMEOUT_MS, agent: false }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => { body += chunk })
      response.on('end', () => resolve(response.statusCode === 200 ? undefined : `not ready: ${detailOf(body)}`))
    })
    request.on('timeout', () => request.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)))
    request.on('error', error => resolve(`no sidecar answers at ADMIN_HOST ${host}, ADMIN_PORT ${port} (${error.message})`))
  })
}

function detailOf (body: string): string {
  try {
    const problem: unknown = JSON.parse(body)
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail)
  } catch {
    // Something else listens there.
  }
  return 'the answer is not a sidecar\'s'
}
