import type { Clock, Timer } from '../clock.ts'

/** Rings once, at the moment that was set last. Who sets the moment that it has already costs a comparison. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: Timer | undefined
  /** On the monotonic clock; Infinity: it does not ring. */
  #atMs = Infinity

  constructor (clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  set (atMs: number, nowMs: number): void {
    if (atMs === this.#atMs) return
    this.cancel()
    this.#atMs = atMs
    if (atMs === Infinity) return
    this.#timer = this.#clock.setTimer(() => {
      this.#atMs = Infinity
      this.#ring()
    }, Math.ceil(atMs - nowMs))
  }

  cancel (): void {
    this.#timer?.cancel()
    this.#atMs = Infinity
  }
}
