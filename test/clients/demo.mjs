import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const BUNDLE = join(import.meta.dirname, '../../dist/bookable-sidecar.cjs')
const START_TIMEOUT_MS = 10_000
/** The line of a request is written after its answer. */
const LOG_TIMEOUT_MS = 5_000

/** @typedef {{ method: string, route: string, path: string, status: number, attempts: number }} LogLine */

/** The built sidecar with its simulator on free ports, and the lines that it logs of requests. */
export class Demo {
  #child
  #stdout = ''
  #stderr = ''

  constructor () {
    this.#child = spawn(process.execPath, [BUNDLE, 'demo'], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0' } })
    this.#child.stdout.setEncoding('utf8').on('data', text => { this.#stdout += text })
    this.#child.stderr.setEncoding('utf8').on('data', text => { this.#stderr += text })
    process.on('exit', () => this.#child.kill('SIGKILL'))
  }

  /** What its three curl lines are about: where it listens, and a table that is free. */
  async example () {
    const pattern = /'(http\S+)\/venues\/(\S+)\/availability\?date=([\d-]+)&[^]+"time":"([\d:]+)"[^]+Ctrl-C/
    await until(() => pattern.test(this.#stderr), START_TIMEOUT_MS)
    const [, url = '', venue = '', date = '', time = ''] = pattern.exec(this.#stderr) ?? []
    if (url === '') throw new Error(`the demo did not start: ${this.#stdout}${this.#stderr}`)
    return { url, venue: decodeURIComponent(venue), date, time }
  }

  /** @returns {LogLine[]} of all requests so far */
  get requests () {
    const lines = this.#stdout.split('\n').slice(0, -1).map(line => JSON.parse(line))
    return lines.filter(({ msg }) => msg === 'request')
  }

  /**
   * The lines after the first `start`, once there are `count` of them, or however many there are in time.
   * @param {number} start
   * @param {number} count
   */
  async requestsFrom (start, count) {
    await until(() => this.requests.length >= start + count, LOG_TIMEOUT_MS)
    return this.requests.slice(start)
  }

  /** @returns {Promise<number | null>} the exit code */
  async stop () {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const [code] = await exit
    return code
  }
}

/**
 * @param {() => boolean} isTrue
 * @param {number} timeoutMs
 */
async function until (isTrue, timeoutMs) {
  for (const endsAtMs = performance.now() + timeoutMs; !isTrue() && performance.now() < endsAtMs;) await delay(5)
}
