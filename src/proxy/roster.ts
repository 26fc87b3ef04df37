/** Who stands on a roster; the links are the roster's. */
export interface Listed<T> {
  previous: T | undefined
  next: T | undefined
}

/**
 * Who is inside, as a list that its members carry. A Set with an add and a delete for each request rehashes, and chains the garbage:
 * that alone cost a tenth of the CPU of a request.
 */
export class Roster<T extends Listed<T>> {
  #first: T | undefined
  #size = 0

  get size (): number {
    return this.#size
  }

  add (member: T): void {
    member.next = this.#first
    if (this.#first !== undefined) this.#first.previous = member
    this.#first = member
    this.#size++
  }

  /** Only for a member: a stranger has no links, and would be taken for the last one. */
  delete (member: T): void {
    const { previous, next } = member
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    // What outlives a scavenge keeps what it points at.
    member.previous = member.next = undefined
    this.#size--
  }

  /** @yields each one who is inside; nobody may leave meanwhile */
  * [Symbol.iterator] (): Iterator<T> {
    for (let member = this.#first; member !== undefined; member = member.next) yield member
  }
}
