import { performance } from 'node:perf_hooks'

/** So many turns of the event loop without an event mean that nothing is on its way: loopback delivers within the write. */
const QUIET_TURNS = 3

/**
 * A clock that moves only from one timer to the next, and only when everything in this process has come to rest: apps, sidecar and
 * API talk over real sockets, and no simulated time passes meanwhile.
 * @implements {import('../src/clock.ts').Clock}
 */
export class VirtualClock {
  #startMs
  #elapsedMs = 0
  /** @type {Set<{ dueAtMs: number, callback: () => void }>} */
  #pending = new Set()

  /** @param {number} startMs epoch */
  constructor (startMs) {
    this.#startMs = startMs
  }

  nowMs () {
    return Math.floor(this.#startMs + this.#elapsedMs)
  }

  monotonicMs () {
    return this.#elapsedMs
  }

  /**
   * @param {() => void} callback
   * @param {number} delayMs
   */
  setTimer (callback, delayMs) {
    const timer = { dueAtMs: this.#elapsedMs + Math.max(delayMs, 0), callback }
    this.#pending.add(timer)
    return { cancel: () => { this.#pending.delete(timer) } }
  }

  /** @param {number} untilMs since the start */
  async runUntil (untilMs) {
    for (;;) {
      await rest()
      let dueAtMs = Infinity
      for (const timer of this.#pending) dueAtMs = Math.min(dueAtMs, timer.dueAtMs)
      if (dueAtMs > untilMs) break
      this.#elapsedMs = Math.max(this.#elapsedMs, dueAtMs)
      for (const timer of [...this.#pending].filter(timer => timer.dueAtMs === dueAtMs)) {
        // One of the others may have cancelled it.
        if (this.#pending.delete(timer)) timer.callback()
      }
    }
    this.#elapsedMs = untilMs
  }

  /**
   * Time passes until `work` is done.
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  async runFor (work) {
    const state = { isDone: false }
    const done = () => { state.isDone = true }
    work.then(done, done)
    while (!state.isDone) await this.runUntil(this.#elapsedMs + 100)
    return work
  }
}

/** Until no socket has anything to say. */
async function rest () {
  let events = -1
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await new Promise(resolve => setImmediate(resolve))
    const seen = performance.nodeTiming.uvMetricsInfo.events
    if (seen !== events) quiet = -1
    events = seen
  }
}
