import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const BUNDLE = join(import.meta.dirname, '..', 'dist', 'bookable-sidecar.cjs')

/** Twenty processes that start at once on a busy machine. */
const START_TIMEOUT_MS = 60_000

/** One sidecar of a fleet: a process of its own, heard of by its log. */
export class FleetSidecar {
  #running
  #logPath
  #url = ''
  #agent = new Agent({ keepAlive: true })

  /**
   * @param {import('./processes.mjs').Processes} processes
   * @param {Readonly<Record<string, string>>} env
   * @param {string} logPath a file that is not there yet
   */
  constructor (processes, env, logPath) {
    this.#logPath = logPath
    this.#running = processes.start({ file: process.execPath, args: [BUNDLE], env: { PORT: '0', ADMIN_PORT: '0', ...env } }, { logPath })
  }

  /** Listens and has a token; and Redis, where it is to have one. @param {boolean} hasRedis */
  async untilReady (hasRedis) {
    await this.seen('listening')
    this.#url = this.lines('listening')[0].url
    await this.seen('token refreshed', 'stored token taken')
    if (hasRedis) await this.seen('redis is there')
  }

  /** Waits until the log has one of these messages. @param {...string} messages */
  async seen (...messages) {
    const untilMs = Date.now() + START_TIMEOUT_MS
    while (this.lines(...messages).length === 0) {
      if (this.#running.hasExited || Date.now() > untilMs) throw new Error(`a sidecar never said "${messages}": ${this.#running.lastWords()}`)
      await delay(50)
    }
  }

  /**
   * What its log has with these messages.
   * @param {...string} messages
   * @returns {any[]}
   */
  lines (...messages) {
    return readFileSync(this.#logPath, 'utf8').split('\n').filter(line => messages.some(message => line.includes(`"msg":"${message}"`))).map(line => JSON.parse(line))
  }

  /**
   * A GET as an app makes it, without a limit of its own.
   * @param {string} path
   * @returns {Promise<{ status: number, code: string | undefined, ms: number }>} status 0: no answer; code: of a problem
   */
  get (path) {
    const startedAtMs = performance.now()
    return new Promise(resolve => {
      const end = (/** @type {number} */ status, body = '') => resolve({ status, code: /"code":"([^"]+)"/.exec(body)?.[1], ms: performance.now() - startedAtMs })
      request(this.#url + path, { agent: this.#agent }, res => {
        let body = ''
        res.setEncoding('utf8').on('data', text => { body += text }).on('error', () => end(0)).on('end', () => end(res.statusCode ?? 0, body))
      }).on('error', () => end(0)).end()
    })
  }

  /** Asked at once: whatever it holds is cut off. */
  stop () {
    this.#agent.destroy()
    this.#running.kill()
  }
}

/**
 * Starts them all at once, and waits until all are ready.
 * @param {import('./processes.mjs').Processes} processes
 * @param {number} n
 * @param {{ env: Readonly<Record<string, string>>, simulator: import('../src/simulator/simulator.ts').Simulator, logPrefix: string }} options
 */
export async function startFleet (processes, n, { env, simulator, logPrefix }) {
  const its = {
    BOOKABLE_API_URL: simulator.origin,
    BOOKABLE_TOKEN_URL: simulator.tokenUrl,
    BOOKABLE_CLIENT_ID: simulator.clientId,
    BOOKABLE_CLIENT_SECRET: simulator.clientSecret,
    ...env
  }
  const sidecars = Array.from({ length: n }, (_, i) => new FleetSidecar(processes, its, `${logPrefix}-${i}.log`))
  await Promise.all(sidecars.map(sidecar => sidecar.untilReady(env.REDIS_URL !== undefined)))
  return sidecars
}
