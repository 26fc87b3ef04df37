import { WINDOW_MS } from './window.ts'

/**
 * What of a window is kept for writes: in proportion to what is left of it, so that what no booking needed is used after all; one to the last. Pure.
 * @param reserve the part that is kept of a whole one, 0 to 1
 */
export function reservedOf (limit: number, reserve: number, lastsMs: number): number {
  return Math.ceil(limit * reserve * Math.min(lastsMs / WINDOW_MS, 1))
}

/** The same the other way round: when less than `left` is kept. Pure. */
export function meltsAtMs ({ limit, endsAtMs }: { readonly limit: number, readonly endsAtMs: number }, reserve: number, left: number): number {
  // Just behind the moment when both are equal.
  return reserve === 0 ? -Infinity : endsAtMs - WINDOW_MS * (left - 1) / (limit * reserve) + 1
}
