import { LRUCache } from 'lru-cache'
import { give } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { Board } from './board.ts'
import { ReadCache, type CacheConfig } from './cache.ts'
import { Flight, type FlightControl, type Follower } from './flight.ts'
import { FollowingRead } from './follower.ts'
import { KeptRead, type KeptOutcome } from './kept-read.ts'
import { goAlone, type ReadCall, type Reader } from './reader.ts'
import { changedBy, keptKindOf, keyOf, type KeptKind } from './sharing.ts'

export interface ReadsOptions {
  readonly clock: Clock
  /** Whether identical GETs in flight share one call. */
  readonly coalesce: boolean
  /** With a `ttlMs` of 0 nothing is kept. */
  readonly cache: CacheConfig
  /** Told once for each read that was coalesced, or that the cache was asked for, unless its app gave up. */
  readonly onShared: (outcome: SharedOutcome) => void
}

/** How a read was served: by another one's call (`coalesced`), from the cache without a call (`hit`), or as KeptOutcome says. */
export type SharedOutcome = 'coalesced' | 'hit' | KeptOutcome

/** For what all flights hold for those who might join: many slow ones must not fill the memory of a small container. */
const MAX_JOINABLE_BYTES = 32 * 1024 * 1024

/** Where an answer was lately for its leader alone, the next read does not wait to hear the same. */
const MAX_ALONE = 1_000
const ALONE_MS = 60_000

/** A read that was answered from the cache has no call. */
const HIT: ReadCall = { servedBy: 'cache', attempts: 0, upstreamMs: undefined, quotaWaitMs: undefined, isOutcomeUnknown: false, abandon () {}, resume () {} }

/**
 * Answers GETs: from the cache, with a call that is on its way, or else with a new call, which later ones may join.
 *
 * A write closes the door behind it: a GET after it never gets an answer that was asked for before it.
 */
export class Reads implements FlightControl {
  readonly #clock: Clock
  readonly #coalesce: boolean
  readonly #cache: ReadCache | undefined
  readonly #onShared: (outcome: SharedOutcome) => void
  readonly #onCoalesced = (): void => this.#onShared('coalesced')
  /** The flights that may be joined. */
  readonly #flights = new Board<Flight>()
  /** When an answer was found to be for its leader alone, by the monotonic clock. */
  readonly #alone = new LRUCache<string, number>({ max: MAX_ALONE })
  #heldBytes = 0

  constructor ({ clock, coalesce, cache, onShared }: ReadsOptions) {
    this.#clock = clock
    this.#coalesce = coalesce
    this.#cache = cache.ttlMs > 0 ? new ReadCache(clock, cache) : undefined
    this.#onShared = onShared
  }

  /**
   * Answers a GET.
   * @param target path and query, byte for byte
   * @param variant of the request, as `RequestHead` has it
   */
  read (target: string, variant: string, reader: Reader): ReadCall {
    const kind = this.#cache === undefined ? undefined : keptKindOf(target)
    if (kind === undefined && !this.#coalesce) return goAlone(reader)
    const key = keyOf(target, variant)
    if (kind !== undefined && this.#answerFromCache(key, reader)) return HIT
    if (kind === undefined && this.#isAlone(key)) return goAlone(reader)
    const running = this.#flights.find(key)
    if (running !== undefined) return new FollowingRead(reader, running, this.#onCoalesced)
    const flight = this.#open(key, kind, reader, false)
    this.#depart(flight, reader)
    return flight
  }

  /**
   * A write has ended, or its outcome is unknown. Reads that wait already asked before it, and are served.
   * @param hasChanged whether it may have changed anything. A refused one closes flights too: that a table is gone is news
   */
  forget (target: string, hasChanged: boolean): void {
    this.#flights.clear()
    if (hasChanged) this.#cache?.forget(changedBy(target))
  }

  onClosed (flight: Flight): void {
    this.#flights.delete(flight)
  }

  onUnshared ({ key }: Flight): void {
    this.#alone.set(key, this.#clock.monotonicMs())
  }

  mayHold (bytes: number): boolean {
    this.#heldBytes += bytes
    return this.#heldBytes <= MAX_JOINABLE_BYTES
  }

  onBroken ({ key, kind }: Flight, [first, ...others]: readonly Follower[]): void {
    if (first === undefined) return
    const flight = this.#open(key, kind, first.reader, true)
    first.lead(flight)
    for (const follower of others) follower.follow(flight)
    this.#depart(flight, first.reader)
  }

  #open (key: string, kind: KeptKind | undefined, leader: Reader, isSecond: boolean): Flight {
    const flight = new Flight(key, kind, leader, this, isSecond)
    if (this.#coalesce) this.#flights.add(flight)
    return flight
  }

  #depart (flight: Flight, leader: Reader): void {
    const { kind } = flight
    if (this.#cache === undefined || kind === undefined) return flight.depart(leader.prepare(flight, []), flight)
    const kept = new KeptRead({ clock: this.#clock, cache: this.#cache, kind, flight, onOutcome: this.#onShared })
    flight.depart(leader.prepare(kept, kept.conditions), kept)
  }

  /** @returns whether it did */
  #answerFromCache (key: string, reader: Reader): boolean {
    const entry = this.#cache?.get(key)
    if (this.#cache === undefined || entry === undefined || !this.#cache.isFresh(entry)) return false
    this.#onShared('hit')
    if (!give(this.#cache.aged(entry), reader)) this.#cache.drop(key)
    return true
  }

  #isAlone (key: string): boolean {
    const seenAtMs = this.#alone.size === 0 ? undefined : this.#alone.get(key)
    return seenAtMs !== undefined && this.#clock.monotonicMs() - seenAtMs < ALONE_MS
  }
}
