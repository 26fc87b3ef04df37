import { dateOf, minuteOfDay, minutesOf, timeOf, weekdayOf } from './calendar.ts'
import { calendarDate, integer, readFields, type Fields } from './fields.ts'
import { BookableProblem } from './problems.ts'
import type { Offer } from './venues.ts'

const SLOT_STEP_MIN = 30

/** The largest party anyone may ask about; each product has a limit of its own below it. */
export const MAX_PARTY_SIZE = 100

/** A time that can be booked: `book` is confirmed at once, `request` waits for the venue. */
export interface Slot {
  readonly time: string
  readonly durationMin: number
  readonly type: 'book' | 'request'
}

/** Seats that a booking holds on one day, in minutes since midnight. */
export interface Seating { readonly startMin: number, readonly endMin: number, readonly partySize: number }

const AVAILABILITY_QUERY = { date: calendarDate, partySize: integer(1, MAX_PARTY_SIZE, 'query') }

/** What availability is asked for. */
export type AvailabilityQuery = Fields<typeof AVAILABILITY_QUERY>

/**
 * The query of an availability request.
 * @throws AVAIL-N-101 when the date or the party size is missing or cannot be read
 */
export function readAvailabilityQuery (query: unknown): AvailabilityQuery {
  return readFields(AVAILABILITY_QUERY, query, 'AVAIL-N-101')
}

/**
 * The times at which the party can come. Pure: opening hours, what the product seats, what is taken, and the time of asking.
 * @param taken what the product's other bookings hold on that day
 * @throws AVAIL-N-102 for a day gone by, AVAIL-N-103 for too large a party, AVAIL-N-004 for a day off
 */
export function slotsOf ({ venue, product }: Offer, { date, partySize }: AvailabilityQuery, taken: readonly Seating[], nowMs: number): readonly Slot[] {
  const today = dateOf(nowMs)
  if (date < today) throw new BookableProblem('AVAIL-N-102', `${date} is past: today is ${today}.`)
  if (partySize > product.maxPartySize) {
    throw new BookableProblem('AVAIL-N-103', `${product.productName} at ${venue.name} takes parties of up to ${product.maxPartySize}, not ${partySize}.`)
  }
  const hours = venue.openingHours.find(({ day }) => day === weekdayOf(date))
  if (hours === undefined) throw new BookableProblem('AVAIL-N-004', `${venue.name} is closed on ${date}.`)

  const { durationMin } = product
  const firstMin = Math.max(minutesOf(hours.open), minutesOf(product.servedFrom))
  const lastMin = Math.min(minutesOf(hours.close), minutesOf(product.servedUntil)) - durationMin
  const nowMin = date === today ? minuteOfDay(nowMs) : -1
  const slots: Slot[] = []
  for (let startMin = firstMin; startMin <= lastMin; startMin += SLOT_STEP_MIN) {
    const seatsTaken = mostSeatsTaken(taken, startMin, startMin + durationMin)
    if (startMin <= nowMin || seatsTaken + partySize > product.covers) continue
    slots.push({ time: timeOf(startMin), durationMin, type: partySize <= product.instantUpTo ? 'book' : 'request' })
  }
  return slots
}

/** The answer of Bookable: the slots with the conditions of the product. */
export function describeAvailability ({ venue, product }: Offer, { partySize }: AvailabilityQuery, slots: readonly Slot[]): object {
  return {
    name: product.productName,
    deposit: product.depositPerGuest * partySize,
    policy: venue.policy,
    cancellationPolicy: venue.cancellationPolicy,
    times: slots.map(({ time, durationMin, type }) => ({ time, duration: durationMin, type, productId: product.compositeId }))
  }
}

/** The fullest moment of the span. Seats are only ever taken at a start, so no other moment can be fuller. */
function mostSeatsTaken (taken: readonly Seating[], startMin: number, endMin: number): number {
  const during = taken.filter(seating => seating.startMin < endMin && seating.endMin > startMin)
  const seatsAt = (minute: number): number => during
    .filter(seating => seating.startMin <= minute && seating.endMin > minute)
    .reduce((seats, { partySize }) => seats + partySize, 0)
  return Math.max(seatsAt(startMin), ...during.filter(seating => seating.startMin > startMin).map(seating => seatsAt(seating.startMin)))
}
