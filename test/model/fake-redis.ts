import type { RedisScript } from '../../src/redis/script.ts'
import { CLAIM, FINISH, LEAVE } from '../../src/repeats/redis-scripts.ts'

interface Entry { owner: string, print: string, lease: number | 'none' | 'lapsed', box?: string }

/** What the scripts of repeats do, in words of our own: a test compares it with the scripts on a real engine. */
export class FakeRedis {
  readonly #nowMs: () => number
  readonly #entries = new Map<string, Entry>()

  constructor (nowMs: () => number) {
    this.#nowMs = nowMs
  }

  run (script: RedisScript, key: string, args: ReadonlyArray<string | number>): unknown {
    const [owner = '', second = '', third = ''] = args.map(String)
    const entry = this.#entries.get(key)
    if (script === CLAIM) return this.#claim(key, owner, second, Number(third))
    if (script === FINISH) {
      if (entry !== undefined && entry.owner !== owner && entry.lease !== 'none') return 0
      this.#entries.set(key, { owner, print: second, lease: 0, box: third })
      return 1
    }
    if (script !== LEAVE) throw new Error('an unknown script')
    if (entry !== undefined && entry.owner !== owner) return 0
    this.#entries.set(key, { owner, print: '', lease: 'none' })
    return 1
  }

  #claim (key: string, owner: string, print: string, leaseMs: number): readonly string[] {
    const entry = this.#entries.get(key)
    if (entry?.box !== undefined) return ['ended', entry.print, entry.box]
    if (entry?.lease === 'none' && entry.owner === owner) return ['left']
    if (entry?.lease === 'lapsed') return ['lapsed', entry.print]
    if (entry !== undefined && entry.lease !== 'none' && entry.owner !== owner) {
      if (entry.lease > this.#nowMs()) return ['running', entry.print]
      entry.lease = 'lapsed'
      return ['lapsed', entry.print]
    }
    this.#entries.set(key, { owner, print, lease: this.#nowMs() + leaseMs })
    return ['mine']
  }
}
