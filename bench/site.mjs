import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ACCESS_TOKEN } from './peer.mjs'

/** @typedef {import('./peer.mjs').Peer} Peer */
/** @typedef {import('./processes.mjs').Processes} Processes */
/** @typedef {import('./load/main.mjs').Job} Job */
/** @typedef {import('./load/main.mjs').Outcome} Outcome */

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
 * @property {{ ca: string, authorization: string }} [access] what the load needs for it
 */

/** Where peers run: an upstream, a load, and a directory that goes with the bench. */
export class Bench {
  /** @param {Processes} processes */
  static async open (processes) {
    const directory = mkdtempSync(join(tmpdir(), 'bookable-bench-'))
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
    const { keyPath, certificatePath } = createCertificate(directory)
    const upstream = startOwn(processes, 'upstream.mjs', [keyPath, certificatePath], directory)
    const load = startOwn(processes, 'load/main.mjs', [], directory)
    const { apiPort, tokenPort } = await upstream.message()
    return new Bench(processes, { upstream, load, apiPort, tokenPort, caPath: certificatePath, directory })
  }

  #processes
  #starts = 0
  #site

  /**
   * @param {Processes} processes
   * @param {{ upstream: import('./processes.mjs').Running, load: import('./processes.mjs').Running, apiPort: number, tokenPort: number, caPath: string, directory: string }} site
   */
  constructor (processes, site) {
    this.#processes = processes
    this.#site = site
  }

  /** The API itself, which the load then reaches over TLS, with the token. @returns {StartedPeer} */
  get direct () {
    const { upstream, apiPort, caPath, directory } = this.#site
    return {
      peer: { key: 'direct', name: 'direct, over TLS', version: () => undefined, command: () => { throw new Error('it runs already') } },
      port: apiPort,
      logPath: join(directory, 'direct.log'),
      running: upstream,
      firstAnswerMs: 0,
      access: { ca: readFileSync(caPath, 'utf8'), authorization: `Bearer ${ACCESS_TOKEN}` }
    }
  }

  /**
   * The load on a peer. Its connections are made before anything is counted.
   * @param {StartedPeer} started
   * @param {Job} job
   */
  async apply ({ port, running, logPath, access }, job) {
    const { load, upstream } = this.#site
    await load.ask({ ...job, ...access, port, step: 'open' })
    writeFileSync(logPath, '')
    const cpuBefore = running.cpuMicroseconds()
    const upstreamCpuBefore = upstream.cpuMicroseconds()
    /** @type {Outcome} */
    const outcome = await load.ask({ ...job, ...access, port })
    return {
      cpu: (running.cpuMicroseconds() - cpuBefore) / job.requests,
      upstreamCpu: (upstream.cpuMicroseconds() - upstreamCpuBefore) / job.requests,
      loadCpu: outcome.cpuMicroseconds / job.requests,
      perSecond: job.requests / outcome.durationMs * 1000,
      durationMs: outcome.durationMs,
      p50Ms: outcome.p50Ms,
      p99Ms: outcome.p99Ms,
      p999Ms: outcome.p999Ms
    }
  }

  /**
   * @param {Peer} peer
   * @param {Readonly<Record<string, string>>} [env] what a scenario needs; only those know it that have such a setting
   * @returns {Promise<StartedPeer>}
   */
  async start (peer, env = {}) {
    const { apiPort, tokenPort, caPath } = this.#site
    const directory = join(this.#site.directory, String(++this.#starts))
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
    const running = this.#processes.start({ ...command, env: { ...command.env, ...env } }, { logPath })
    while (!await isAnswering(port)) {
      if (running.hasExited || performance.now() - startedAtMs > START_TIMEOUT_MS) {
        throw new Error(`${peer.name} did not start: ${running.lastWords()}`)
      }
      await delay(POLL_INTERVAL_MS)
    }
    return { peer, port, logPath, running, firstAnswerMs: performance.now() - startedAtMs }
  }

  /**
   * To run side by side.
   * @param {readonly Peer[]} peers
   * @param {Readonly<Record<string, string>>} [env]
   */
  async startAll (peers, env) {
    const started = []
    for (const peer of peers) started.push(await this.start(peer, env))
    return started
  }

  /** @param {readonly StartedPeer[]} started */
  async stopAll (started) {
    await Promise.all(started.map(({ running }) => running.stop()))
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
  return processes.start(command, { logPath: join(directory, `${basename(file)}.log`), hasMessages: true })
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
