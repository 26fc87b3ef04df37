import { StandIn, type AnswerSink, type HeldAnswer, type PreparedCall } from '../answer.ts'
import type { Problem } from '../problem.ts'
import type { Posted } from './board.ts'
import { depart, type ReadCall, type Reader, type ServedBy } from './reader.ts'
import { MAX_SHARED_BYTES, mayBeShared, type KeptKind } from './sharing.ts'

/** Who waits for the answer to another one's call. */
export interface Follower {
  readonly reader: Reader
  /** The answer, whole. */
  take (answer: HeldAnswer): void
  /** There is none, for anybody. */
  fail (problem: Problem): void
  /** The answer is not for it. */
  goAlone (): void
  /** The call broke, and another one is made: as its leader, or with it. */
  lead (flight: Flight): void
  follow (flight: Flight): void
}

/** What a flight leaves to those who know of others. */
export interface FlightControl {
  /** Nobody is to join it any more. */
  onClosed (flight: Flight): void
  /** Its answer was for the leader alone. */
  onUnshared (flight: Flight): void
  /** @returns whether so many more bytes may be held for those who might join; negative ones are held no more, which always may be */
  mayHold (bytes: number): boolean
  /** Its connection broke, and these got nothing yet. */
  onBroken (flight: Flight, followers: readonly Follower[]): void
}

interface GrowingAnswer extends HeldAnswer {
  readonly chunks: Buffer[]
}

const NOBODY: readonly Follower[] = []

/**
 * One call of the API that all who ask the same meanwhile share. The first, who leads, gets the answer as it comes; those who join get it
 * whole at its end, so that they can still go on their own if it turns out to be for the leader alone.
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
  /** As far as it came, while it may be shared. */
  #answer: GrowingAnswer | undefined
  #bytes = 0
  #isPaused = false
  #isOver = false

  /** @param isSecond whether it stands for one that broke: there is no third */
  constructor (key: string, kind: KeptKind | undefined, leader: AnswerSink, control: FlightControl, isSecond: boolean) {
    super()
    this.key = key
    this.kind = kind
    this.#leader = leader
    this.#control = control
    this.#isSecond = isSecond
  }

  /** @param sink where the call puts its answer: here, at once or by way of the cache */
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
    // The leader's app may be slow, but not at their cost.
    this.resume()
  }

  /** The leader's app waits no more. */
  abandon (): void {
    this.#leader = undefined
    this.#endIfEmpty()
  }

  leave (follower: Follower): void {
    this.#followers?.delete(follower)
    this.#endIfEmpty()
  }

  /** What is still to come is of no use to anybody. */
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
      // In one piece, however small those were in which it came: each is a write to each app.
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
    // The log still asks for the call; what was held must not outlive the answer.
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

/** Neither the API's word nor its silence: worth one more try for those who got nothing yet. */
function isBrokenConnection ({ code, status }: Problem): boolean {
  return code === 'UPSTR-R-001' && status === 502
}
