import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Processes } from './processes.mjs'
import { freePort, startSidecar } from './sidecar.mjs'

/** What an API answers that is in nobody's way. */
export const ANSWER = JSON.stringify({ data: 'x'.repeat(1_500) })

/**
 * The built sidecar in a process of its own, and in this one a token endpoint and an API.
 * @param {string} name of the bench, for the file of the log
 * @param {import('node:http').RequestListener} answer what the API does
 * @param {{ env?: Readonly<Record<string, string>>, bundle?: string | undefined }} [options] more settings; another bundle than the one that was built last
 */
export async function startRig (name, answer = (_req, res) => { res.end(ANSWER) }, { env = {}, bundle } = {}) {
  const api = createServer((req, res) => {
    if (req.url === '/oauth/token') res.end(JSON.stringify({ access_token: 'token', expires_in: 3600 }))
    else answer(req, res)
  })
  const port = await freePort()
  await new Promise(resolve => api.listen(port, '127.0.0.1', () => resolve(undefined)))
  const processes = new Processes()
  const logPath = join(tmpdir(), `bookable-${name}.log`)
  const sidecar = await startSidecar(processes, {
    BOOKABLE_CLIENT_ID: 'bench', BOOKABLE_CLIENT_SECRET: 'bench', BOOKABLE_API_URL: `http://127.0.0.1:${port}`, BOOKABLE_TOKEN_URL: `http://127.0.0.1:${port}/oauth/token`, ...env
  }, logPath, bundle)
  return {
    sidecar,
    /** The load of load/: ask it to run a job. */
    startLoad: () => processes.start({ file: process.execPath, args: [join(import.meta.dirname, 'load/main.mjs')] }, { logPath, hasMessages: true }),
    async stop () {
      await processes.stop()
      api.close()
      api.closeAllConnections()
    }
  }
}
