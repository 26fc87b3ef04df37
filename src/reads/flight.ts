import { StandIn, type AnswerSink, type HeldAnswer, type PreparedCall } from '../answer.ts'
import type { Problem } from '../problem.ts'
import type { Posted } from './board.ts'
import { depart, type ReadCall, type Reader, type ServedBy } from './reader.ts'
import { MAX_SHARED_BYTES, mayBeShared, type KeptKind } from './sharing.ts'

/** A read that waits for the answer to another one's call. */
export interface Follower {
  readonly reader: Reader
  /** The answer, whole. */
  take (answer: HeldAnswer): void
  /** The call failed. */
  fail (problem: Problem): void
  /** The answer is for the leader alone. */
  goAlone (): void
  /** The call broke: this one leads the next flight. */
  lead (flight: Flight): void
  /** The call broke: this one joins the next flight. */
  follow (flight: Flight): void
}

/** What a flight leaves to whoever knows the other flights. */
export interface FlightControl {
  /** Nobody may join it any more. */
  onClosed (flight: Flight): void
  /** Its answer was for the leader alone. */
  onUnshared (flight: Flight): void
  /**
   * Counts bytes that are held for those who might join.
   * @param bytes negative: they are held no more
   * @returns whether so many may be held
   */
  mayHold (bytes: number): boolean
  /** Its connection broke, and these followers have got nothing yet. */
  onBroken (flight: Flight, followers: readonly Follower[]): void
}

interface GrowingAnswer extends HeldAnswer {
  readonly chunks: Buffer[]
}

const NOBODY: readonly Follower[] = []

/**
 * One call of the API, shared by all who ask the same while it runs. The leader, who asked first, gets the answer as it comes. Followers get it
 * whole at its end: until then they can still make calls of their own, if it turns out to be for the leader alone.
 */
export class Flight extends StandIn implements AnswerSink, ReadCall, Posted<Flight> {
  readonly key: string
  next: Flight | undefined
  /** Undefined where the answer is never kept. */
  readonly kind: KeptKind | undefined
  /** Where the leader's answer came from. */
  servedBy: ServedBy = 'api'
  readonly #control: FlightControl
  readonly #isSecond: boolean
  #leader: AnswerSink | undefined
  #followers: Set<Follower> | undefined
  #call: PreparedCall | undefined
  /** What came of it so far; undefined where it is not shared. */
  #answer: GrowingAnswer | undefined
  #bytes = 0
  #isPaused = false
  #isOver = false

  /** @param isSecond whether it replaces one that broke: it is not replaced itself */
  constructor (key: string, kind: KeptKind | undefined, leader: AnswerSink, control: FlightControl, isSecond: boolean) {
    super()
    this.key = key
    this.kind = kind
    this.#leader = leader
    this.#control = control
    this.#isSecond = isSecond
  }

  /** @param sink takes the answer: this flight, or the cache on its way here */
  depart (call: PreparedCall, sink: AnswerSink): void {
    this.#call = call
    depart(call, sink)
  }

  get call (): PreparedCall | undefined {
    return this.#call
  }

  join (follower: Follower): void {
    this.#followers ??= new Set()
    this.#followers.add(follower)
    // Followers do not wait for a slow app of the leader.
    this.resume()
  }

  /** The leader's app has left. */
  abandon (): void {
    this.#leader = undefined
    this.#endIfEmpty()
  }

  leave (follower: Follower): void {
    this.#followers?.delete(follower)
    this.#endIfEmpty()
  }

  /** Ends the answer here: the rest of the call is of no use. */
  cutShort (): void {
    this.#call?.abandon()
    this.onEnd()
  }

  resume (): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#call?.resume()
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    // The leader's copy is its own.
    if (mayBeShared(headers)) this.#answer = { status, statusText, headers: [...headers], chunks: [] }
    else {
      this.#control.onUnshared(this)
      this.#leaveToLeader()
    }
    this.#leader?.onHead(status, statusText, headers)
  }

  onChunk (chunk: Buffer): boolean {
    if (this.#answer !== undefined) this.#hold(this.#answer, chunk)
    const isReady = this.#leader?.onChunk(chunk) !== false
    this.#isPaused = !isReady && !this.#hasFollowers
    return !this.#isPaused
  }

  onEnd (): void {
    const [leader, answer, followers] = [this.#leader, this.#answer, this.#takeFollowers()]
    this.#close()
    if (answer !== undefined && followers.length > 0) {
      // In one piece: each piece would be a write to each app.
      const whole = answer.chunks.length < 2 ? answer : { ...answer, chunks: [Buffer.concat(answer.chunks)] }
      for (const follower of followers) follower.take(whole)
    }
    leader?.onEnd()
  }

  onFailure (problem: Problem): void {
    const [leader, followers] = [this.#leader, this.#takeFollowers()]
    this.#close()
    if (followers.length > 0 && !this.#isSecond && isBrokenConnection(problem)) this.#control.onBroken(this, followers)
    else for (const follower of followers) follower.fail(problem)
    leader?.onFailure(problem)
  }

  get #hasFollowers (): boolean {
    return this.#followers !== undefined && this.#followers.size > 0
  }

  #leaveToLeader (): void {
    this.#drop()
    this.#control.onClosed(this)
    const followers = this.#takeFollowers()
    this.#endIfEmpty()
    for (const follower of followers) follower.goAlone()
  }

  #endIfEmpty (): void {
    if (this.#isOver || this.#leader !== undefined || this.#hasFollowers) return
    this.#close()
    this.#call?.abandon()
  }

  #close (): void {
    if (this.#isOver) return
    this.#isOver = true
    // The log line still needs the call and so this object; what it held is let go.
    this.#leader = undefined
    this.#drop()
    this.#control.onClosed(this)
  }

  #hold (answer: GrowingAnswer, chunk: Buffer): void {
    this.#bytes += chunk.length
    answer.chunks.push(chunk)
    if (!this.#control.mayHold(chunk.length) || this.#bytes > MAX_SHARED_BYTES) this.#leaveToLeader()
  }

  #drop (): void {
    if (this.#bytes > 0 && this.#answer !== undefined) this.#control.mayHold(-this.#bytes)
    this.#answer = undefined
  }

  #takeFollowers (): readonly Follower[] {
    if (this.#followers === undefined) return NOBODY
    const followers = [...this.#followers]
    this.#followers = undefined
    return followers
  }
}

/** The API neither answered nor stayed silent too long: worth one more call for those who got nothing yet. */
function isBrokenConnection ({ code, status }: Problem): boolean {
  return code === 'UPSTR-R-001' && status === 502
}
