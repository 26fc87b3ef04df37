import type { Allotment } from './allotment.ts'
import type { Lane } from './lanes.ts'

/** A window that was not enough for all. */
export interface Shortage {
  readonly limit: number | undefined
  /** How many had to wait, by lane. */
  readonly held: Readonly<Record<Lane, number>>
  /** How many of all were refused with RATE-R-001. */
  readonly refused: number
}

/** Counts those who are held or refused in a window, to tell of them once: when the next one is there. */
export class Shortages {
  readonly #tell: ((shortage: Shortage) => void) | undefined
  #held = { write: 0, read: 0, list: 0 }
  #refused = 0
  #window = 0

  constructor (tell: ((shortage: Shortage) => void) | undefined) {
    this.#tell = tell
  }

  held (lane: Lane): void {
    this.#held[lane]++
  }

  refused (): void {
    this.#refused++
  }

  /** The next window may be there. */
  noticeWindow (allotment: Pick<Allotment, 'windows' | 'known'>): void {
    const { windows } = allotment
    if (windows === this.#window) return
    this.#window = windows
    const held = this.#held
    if (this.#refused === 0 && held.write + held.read + held.list === 0) return
    this.#tell?.({ limit: allotment.known?.limit, held, refused: this.#refused })
    this.#held = { write: 0, read: 0, list: 0 }
    this.#refused = 0
  }
}
