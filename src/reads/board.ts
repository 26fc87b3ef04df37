/** Who can be found on a board by its key; the link is the board's. */
export interface Posted<T> {
  readonly key: string
  next: T | undefined
}

/** More than are usually there; a power of two. */
const BUCKETS = 256

/**
 * What runs, in a hash table whose links its members carry. A Map with a set and a delete for each request rehashes, and its tables chain the
 * garbage: what was on them outlives each scavenge, which then takes ten times as long.
 */
export class Board<T extends Posted<T>> {
  readonly #buckets = new Array<T | undefined>(BUCKETS).fill(undefined)

  /** The latest of them. */
  find (key: string): T | undefined {
    let member = this.#buckets[bucketOf(key)]
    while (member !== undefined && member.key !== key) member = member.next
    return member
  }

  /** Only one that is not on it. */
  add (member: T): void {
    const bucket = bucketOf(member.key)
    member.next = this.#buckets[bucket]
    this.#buckets[bucket] = member
  }

  /** Nothing happens where it is not on it. */
  delete (member: T): void {
    const bucket = bucketOf(member.key)
    let before: T | undefined
    let at = this.#buckets[bucket]
    while (at !== undefined && at !== member) [before, at] = [at, at.next]
    if (at !== undefined) {
      if (before === undefined) this.#buckets[bucket] = member.next
      else before.next = member.next
    }
    // What outlives a scavenge keeps what it points at.
    member.next = undefined
  }

  clear (): void {
    this.#buckets.fill(undefined)
  }
}

function bucketOf (key: string): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash, 31) + key.charCodeAt(i) | 0
  return (hash ^ hash >>> 16) & BUCKETS - 1
}
