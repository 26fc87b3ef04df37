import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** @typedef {import('./peers.mjs').Peer} Peer */
/** @typedef {import('./processes.mjs').Processes} Processes */

/** How often a peer that starts is asked; part of the error of its start time. */
const POLL_INTERVAL_MS = 2

const START_TIMEOUT_MS = 10_000

/**
 * A peer that has answered once.
 * @typedef {object} StartedPeer
 * @property {Peer} peer
 * @property {number} port
 * @property {string} logPath
 * @property {import('./processes.mjs').Running} running
 * @property {number} firstAnswerMs from its spawn to its first 200
 */

/** Where peers run: an upstream, a load, and a directory that goes with the bench. */
export class Bench {
  /** @param {Processes} processes */
  static async open (processes) {
    const directory = mkdtempSync(join(tmpdir(), 'bookable-bench-'))
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
    const { keyPath, certificatePath } = createCertificate(directory)
    const upstream = startOwn(processes, 'upstream.mjs', [keyPath, certificatePath], directory)
    const load = startOwn(processes, 'load.mjs', [], directory)
    const { apiPort, tokenPort } = await upstream.message()
    return new Bench(processes, directory, { upstream, load, apiPort, tokenPort, caPath: certificatePath })
  }

  #processes
  #directory
  #starts = 0
  #site

  /**
   * @param {Processes} processes
   * @param {string} directory
   * @param {{ upstream: import('./processes.mjs').Running, load: import('./processes.mjs').Running, apiPort: number, tokenPort: number, caPath: string }} site
   */
  constructor (processes, directory, site) {
    this.#processes = processes
    this.#directory = directory
    this.#site = site
  }

  get upstream () {
    return this.#site.upstream
  }

  /**
   * @param {import('./load.mjs').Job} job
   * @returns {Promise<import('./load.mjs').Outcome>}
   */
  apply (job) {
    return this.#site.load.ask(job)
  }

  /**
   * @param {Peer} peer
   * @returns {Promise<StartedPeer>}
   */
  async start (peer) {
    const { apiPort, tokenPort, caPath } = this.#site
    const directory = join(this.#directory, String(++this.#starts))
    mkdirSync(directory)
    const logPath = join(directory, 'log')
    const [port, sparePort] = await freePorts()
    const command = peer.command({
      port,
      sparePort,
      caPath,
      directory,
      logPath,
      apiUrl: `https://localhost:${apiPort}`,
      tokenUrl: `http://127.0.0.1:${tokenPort}/oauth/token`
    })
    const startedAtMs = performance.now()
    const running = this.#processes.start(command, { logPath })
    while (!await isAnswering(port)) {
      if (running.hasExited || performance.now() - startedAtMs > START_TIMEOUT_MS) {
        throw new Error(`${peer.name} did not start: ${running.lastWords()}`)
      }
      await delay(POLL_INTERVAL_MS)
    }
    return { peer, port, logPath, running, firstAnswerMs: performance.now() - startedAtMs }
  }
}

/**
 * @param {Processes} processes
 * @param {string} file
 * @param {readonly string[]} args
 * @param {string} directory
 */
function startOwn (processes, file, args, directory) {
  const command = { file: process.execPath, args: [join(import.meta.dirname, file), ...args] }
  return processes.start(command, { logPath: join(directory, `${file}.log`), hasMessages: true })
}

/** A certificate for loopback that vouches for itself. @param {string} directory */
function createCertificate (directory) {
  const keyPath = join(directory, 'key.pem')
  const certificatePath = join(directory, 'certificate.pem')
  const { status, error, stderr } = spawnSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', keyPath, '-out', certificatePath
  ], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl made no certificate: ${error?.message ?? stderr}`)
  return { keyPath, certificatePath }
}

/** Two that nobody listens on at the moment. @returns {Promise<[number, number]>} */
async function freePorts () {
  const servers = [createServer(), createServer()]
  const ports = []
  for (const server of servers) {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    ports.push(/** @type {import('node:net').AddressInfo} */ (server.address()).port)
  }
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return /** @type {[number, number]} */ (ports)
}

/** @param {number} port @returns {Promise<boolean>} */
function isAnswering (port) {
  return new Promise(resolve => {
    const request = get({ host: '127.0.0.1', port, path: '/venues/venue-1', agent: false, timeout: START_TIMEOUT_MS }, response => {
      response.resume().on('end', () => resolve(response.statusCode === 200))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}
