import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync, readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** A process that was asked to end and has not by then is killed. */
const STOP_TIMEOUT_MS = 2_000

/** /proc counts in ticks of 1/100 s, on every machine that Linux runs on. */
const MICROSECONDS_PER_TICK = 10_000

/**
 * @typedef {object} Command
 * @property {string} file
 * @property {readonly string[]} args
 * @property {Readonly<Record<string, string>>} [env] added to PATH and HOME; nothing else of the bench's own environment is handed on
 */

/** The processes of one run of the bench; none of them outlives it. */
export class Processes {
  /** @type {Set<Running>} */
  #running = new Set()

  constructor () {
    process.on('exit', () => { for (const running of this.#running) running.kill() })
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
      process.on(signal, () => process.exit(128 + constants.signals[signal]))
    }
  }

  async stop () {
    await Promise.all([...this.#running].map(running => running.stop()))
  }

  /**
   * @param {Command} command
   * @param {{ logPath: string, hasMessages?: boolean }} options where stdout and stderr go; whether it talks with the bench
   */
  start ({ file, args, env }, { logPath, hasMessages = false }) {
    const log = openSync(logPath, 'a')
    const child = spawn(file, args, {
      // A group of its own: what it starts (nginx's worker) is measured and ended with it.
      detached: true,
      stdio: ['ignore', log, log, ...(hasMessages ? ['ipc'] : [])],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }
    })
    closeSync(log)
    const running = new Running(child, logPath)
    this.#running.add(running)
    child.once('exit', () => this.#running.delete(running))
    return running
  }
}

/** One process, and those it started. */
export class Running {
  #child
  #logPath

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {string} logPath
   */
  constructor (child, logPath) {
    this.#child = child
    this.#logPath = logPath
    // There is no such file.
    child.on('error', error => { throw error })
  }

  get hasExited () {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  kill () {
    if (this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }

  /** Asks first: nginx then waits for its worker, which would stay behind as a zombie where nobody else does. */
  async stop () {
    if (this.hasExited) return
    const isGone = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const killing = setTimeout(() => this.kill(), STOP_TIMEOUT_MS)
    await isGone
    clearTimeout(killing)
  }

  /** @returns {Promise<any>} the next message; throws where the process ends instead */
  async message () {
    const waiting = new AbortController()
    try {
      const [message] = await Promise.race([
        once(this.#child, 'message', waiting),
        once(this.#child, 'exit', waiting).then(() => { throw new Error(`ended too early: ${this.lastWords()}`) })
      ])
      return message
    } finally {
      waiting.abort()
    }
  }

  /** @param {unknown} question */
  ask (question) {
    this.#child.send(question)
    return this.message()
  }

  /** User and system time of the whole group up to now. */
  cpuMicroseconds () {
    return this.#stats().reduce((sum, { ticks }) => sum + ticks, 0) * MICROSECONDS_PER_TICK
  }

  /** Resident memory of the whole group; what processes share is counted for each. */
  residentBytes () {
    return this.#stats().reduce((sum, { pid }) => sum + residentBytes(pid), 0)
  }

  lastWords () {
    return readFileSync(this.#logPath, 'utf8').slice(-2000)
  }

  #stats () {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(readStat).filter(({ group }) => group === this.#child.pid)
  }
}

/** @param {string} pid */
function readStat (pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name before them may hold anything; man proc_pid_stat counts from 1, `state` is its third field.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return [{ pid, group: Number(fields[2]), ticks: Number(fields[11]) + Number(fields[12]) }]
  } catch {
    // It ended meanwhile.
    return []
  }
}

/** @param {string} pid */
function residentBytes (pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kilobytes ?? 0) * 1024
}
