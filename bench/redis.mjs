import { execFileSync } from 'node:child_process'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './sidecar.mjs'

/** A Redis, or a Valkey, of its own on a free port, with nothing on disk; it can be killed, and started again where it was. */
export class Redis {
  /** @type {import('./processes.mjs').Running | undefined} */
  #running
  #processes
  #logPath

  /**
   * @param {import('./processes.mjs').Processes} processes
   * @param {number} port
   * @param {string} logPath
   */
  constructor (processes, port, logPath) {
    this.#processes = processes
    this.#logPath = logPath
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
  }

  /**
   * @param {import('./processes.mjs').Processes} processes
   * @param {string} logPath
   */
  static async start (processes, logPath) {
    const redis = new Redis(processes, await freePort(), logPath)
    await redis.start()
    return redis
  }

  /** @returns {Promise<number>} when it took commands, in epoch milliseconds */
  async start () {
    const running = this.#processes.start({
      file: engine(), args: ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', tmpdir(), '--save', '', '--appendonly', 'no']
    }, { logPath: this.#logPath })
    this.#running = running
    while (await this.ask('PING').catch(() => '') !== '+PONG') {
      if (running.hasExited) throw new Error(`redis did not start: ${running.lastWords()}`)
      await delay(2)
    }
    return Date.now()
  }

  /** @returns {number} when, in epoch milliseconds */
  kill () {
    this.#running?.kill()
    return Date.now()
  }

  /**
   * @param {...string} words a command
   * @returns {Promise<string>} its reply as it came
   */
  ask (...words) {
    return new Promise((resolve, reject) => {
      let reply = ''
      const socket = connect(this.port, '127.0.0.1')
      socket.setEncoding('utf8').on('error', reject).on('data', text => { reply += text }).on('close', () => resolve(reply.trim()))
      socket.end(`*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`)
    })
  }

  /**
   * How often each command was carried out since `CONFIG RESETSTAT`, those within scripts included.
   * @returns {Promise<Map<string, { calls: number, microseconds: number }>>}
   */
  async commandStats () {
    const lines = (await this.ask('INFO', 'commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)
    return new Map([...lines].map(([, name = '', calls, usec]) => [name, { calls: Number(calls), microseconds: Number(usec) }]))
  }
}

function engine () {
  for (const name of ['redis-server', 'valkey-server']) {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' })
      return name
    } catch {
      // The other one may be there.
    }
  }
  throw new Error('neither redis-server nor valkey-server is installed here')
}
