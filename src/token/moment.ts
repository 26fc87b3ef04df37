import type { Clock } from '../clock.ts'

/** One moment on both clocks: a wall clock jumps, a monotonic one stands still while a machine sleeps. */
export interface Moment { readonly wallMs: number, readonly monotonicMs: number }

export function momentOf (clock: Clock): Moment {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
}

/** @param ms negative: earlier */
export function later ({ wallMs, monotonicMs }: Moment, ms: number): Moment {
  return { wallMs: wallMs + ms, monotonicMs: monotonicMs + ms }
}

/** Whichever clock says so first. */
export function isPast ({ wallMs, monotonicMs }: Moment, clock: Clock): boolean {
  return clock.monotonicMs() >= monotonicMs || clock.nowMs() >= wallMs
}
