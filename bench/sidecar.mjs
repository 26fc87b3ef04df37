import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** @returns {Promise<number>} a port that was free a moment ago */
export async function freePort () {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  await new Promise(resolve => server.close(resolve))
  return port
}

/**
 * The built sidecar on free ports, once it is ready.
 * @param {import('./processes.mjs').Processes} processes
 * @param {Readonly<Record<string, string>>} env
 * @param {string} logPath
 * @param {string} bundle
 */
export async function startSidecar (processes, env, logPath, bundle = join(import.meta.dirname, '..', 'dist', 'bookable-sidecar.cjs')) {
  const [port, adminPort] = [await freePort(), await freePort()]
  const running = processes.start({
    file: process.execPath,
    args: [bundle],
    env: { PORT: String(port), ADMIN_PORT: String(adminPort), ...env }
  }, { logPath })
  while (!await isReady(adminPort)) {
    if (running.hasExited) throw new Error(`the sidecar did not start: ${running.lastWords()}`)
    await delay(20)
  }
  return { running, port, adminPort }
}

/** @param {number} port */
function isReady (port) {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, res => {
      res.resume()
      resolve(res.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}
