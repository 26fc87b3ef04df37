/** A member of a board, found by its key; `next` belongs to the board. */
export interface Posted<T> {
  readonly key: string
  next: T | undefined
}

/** More than there are members, as a rule; a power of two. */
const BUCKETS = 256

/**
 * A hash table whose members carry its links. A Map, with a set and a delete for each request, is rebuilt again and again, and each old table
 * holds on to the next: what was in them outlives each scavenge, which then takes ten times as long.
 */
export class Board<T extends Posted<T>> {
  readonly #buckets = new Array<T | undefined>(BUCKETS).fill(undefined)

  /** The latest member with this key. */
  find (key: string): T | undefined {
    let member = this.#buckets[bucketOf(key)]
    while (member !== undefined && member.key !== key) member = member.next
    return member
  }

  /** @param member must not be on a board */
  add (member: T): void {
    const bucket = bucketOf(member.key)
    member.next = this.#buckets[bucket]
    this.#buckets[bucket] = member
  }

  /** Does nothing where the member is not on it. */
  delete (member: T): void {
    const bucket = bucketOf(member.key)
    let before: T | undefined
    let at = this.#buckets[bucket]
    while (at !== undefined && at !== member) [before, at] = [at, at.next]
    if (at !== undefined) {
      if (before === undefined) this.#buckets[bucket] = member.next
      else before.next = member.next
    }
    // A member that outlives a scavenge would keep the one it points at.
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
