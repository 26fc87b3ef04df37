import { isoTime } from '../clock.ts'

/** The days of the week in the order of Date.getUTCDay(). */
export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const

/** A day of the week, as opening hours name it. */
export type Weekday = typeof WEEKDAYS[number]

// Venue time is UTC in this simulator: one zone and no daylight saving keep every answer predictable.

/** The calendar day of an instant, `YYYY-MM-DD`. */
export function dateOf (nowMs: number): string {
  return isoTime(nowMs).slice(0, 10)
}

/** Whole minutes since midnight of an instant. */
export function minuteOfDay (nowMs: number): number {
  const now = new Date(nowMs)
  return now.getUTCHours() * 60 + now.getUTCMinutes()
}

/** The weekday of a calendar day, `undefined` where there is no such day. */
export function weekdayOf (date: string): Weekday | undefined {
  const dayMs = Date.parse(`${date}T00:00:00Z`)
  // The way back catches 30 February, which Date.parse takes for 2 March.
  return /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(dayMs) && dateOf(dayMs) === date
    ? WEEKDAYS[new Date(dayMs).getUTCDay()]
    : undefined
}

/** Minutes since midnight of `HH:mm`, NaN for anything else. */
export function minutesOf (time: string): number {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(time) ? Number(time.slice(0, 2)) * 60 + Number(time.slice(3)) : NaN
}

/** `HH:mm` of minutes since midnight. */
export function timeOf (minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map(part => String(part).padStart(2, '0')).join(':')
}
