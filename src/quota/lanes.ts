import type { Timer } from '../clock.ts'
import type { Problem } from '../problem.ts'

/** The kinds of requests, in the order in which they go where not all can: a guest who books waits for nobody who looks around. */
export const LANES = ['write', 'read', 'list'] as const

export type Lane = typeof LANES[number]

/** A request that is held until there is quota for it. */
export interface Waiter {
  readonly lane: Lane
  /** On the monotonic clock. */
  readonly sinceMs: number
  readonly deadlineMs: number
  readonly timer: Timer
  readonly go: (turn: number) => void
  readonly refuse: (problem: Problem) => void
}

/** Those who wait in one lane: first come, first served, but for those whom the API sent back. */
class Queue {
  readonly #sentBack = new Set<Waiter>()
  readonly #waiting = new Set<Waiter>()

  get size (): number {
    return this.#sentBack.size + this.#waiting.size
  }

  get first (): Waiter | undefined {
    return this[Symbol.iterator]().next().value
  }

  add (waiter: Waiter, isSentBack: boolean): void {
    (isSentBack ? this.#sentBack : this.#waiting).add(waiter)
  }

  delete (waiter: Waiter): boolean {
    return this.#waiting.delete(waiter) || this.#sentBack.delete(waiter)
  }

  * [Symbol.iterator] (): Generator<Waiter, undefined> {
    yield * this.#sentBack
    yield * this.#waiting
    return undefined
  }
}

/** All who wait. */
export class Lanes {
  readonly #queues: Readonly<Record<Lane, Queue>> = { write: new Queue(), read: new Queue(), list: new Queue() }
  #size = 0

  get size (): number {
    return this.#size
  }

  get sizes (): Readonly<Record<Lane, number>> {
    const { write, read, list } = this.#queues
    return { write: write.size, read: read.size, list: list.size }
  }

  add (waiter: Waiter, isSentBack: boolean): void {
    this.#queues[waiter.lane].add(waiter, isSentBack)
    this.#size++
  }

  /** @returns whether it was here */
  delete (waiter: Waiter): boolean {
    const wasHere = this.#queues[waiter.lane].delete(waiter)
    if (wasHere) this.#size--
    return wasHere
  }

  first (lane: Lane): Waiter | undefined {
    return this.#queues[lane].first
  }

  /** How many go before a newcomer in this lane. */
  ahead (lane: Lane): number {
    let ahead = 0
    for (const other of LANES) {
      ahead += this.#queues[other].size
      if (other === lane) break
    }
    return ahead
  }

  /** In the order in which they go. */
  * [Symbol.iterator] (): Generator<Waiter> {
    for (const lane of LANES) yield * this.#queues[lane]
  }
}
