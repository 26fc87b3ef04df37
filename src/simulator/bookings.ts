import { randomUUID } from 'node:crypto'
import { isoTime } from '../clock.ts'
import { slotsOf, type Seating, type Slot } from './availability.ts'
import { readBookingRequest, readChanges, type BookingChannel, type BookingRequest } from './booking-request.ts'
import { minutesOf } from './calendar.ts'
import { BookableProblem } from './problems.ts'
import type { Offer } from './venues.ts'

/** A table that was asked for and given. */
export interface Booking {
  readonly id: string
  readonly operatorBookingId: string
  readonly offer: Offer
  readonly request: BookingRequest
  readonly channel: BookingChannel
  readonly slot: Slot
  readonly isCancelled: boolean
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/**
 * The book of all venues. There is no idempotency here, as there is none at Bookable: the same request twice is two
 * bookings. A cancelled booking stays readable, its seats are free again.
 */
export class BookingStore {
  readonly #bookings = new Map<string, Booking>()

  /** Every booking made since the start, as it stands now, cancelled ones included. */
  get all (): readonly Booking[] {
    return [...this.#bookings.values()]
  }

  /** What a product's bookings hold on a day. */
  seatings ({ product }: Offer, date: string, exceptId?: string): readonly Seating[] {
    return this.all
      .filter(({ id, isCancelled, offer, request }) => !isCancelled && id !== exceptId && offer.product === product && request.date === date)
      .map(({ request, slot }) => {
        const startMin = minutesOf(slot.time)
        return { startMin, endMin: startMin + slot.durationMin, partySize: request.partySize }
      })
  }

  /** @throws BOOK-N-103 when there is no such booking */
  find (id: string): Booking {
    const booking = this.#bookings.get(id)
    if (booking === undefined) throw new BookableProblem('BOOK-N-103', `There is no booking ${id}.`)
    return booking
  }

  /** @throws BOOK-N-101 for a bad request, BOOK-N-102 for a time that is not to be had, AVAIL-N-… as availability does */
  create (offer: Offer, body: unknown, channel: BookingChannel, nowMs: number): Booking {
    const request = readBookingRequest(body, offer)
    const slot = this.#slotFor(offer, request, nowMs)
    if (slot.type !== request.type) {
      throw new BookableProblem('BOOK-N-102', `${request.time} on ${request.date} is offered as '${slot.type}', not as '${request.type}'.`)
    }
    const [operator, system] = offer.product.compositeId.split('|')
    return this.#keep({
      id: `${operator}|${system}|${randomUUID().replaceAll('-', '')}`,
      operatorBookingId: `BKA-${(this.#bookings.size + 1).toString(36).toUpperCase().padStart(4, '0')}`,
      offer,
      request,
      channel,
      slot,
      isCancelled: false,
      createdAtMs: nowMs,
      updatedAtMs: nowMs
    })
  }

  /**
   * Another date, time or party size is a new question to the venue, which may turn a confirmed booking into a request;
   * other changes leave the slot alone.
   * @throws BOOK-N-104 for a cancelled booking, else as create does
   */
  change (id: string, body: unknown, nowMs: number): Booking {
    const booking = this.#active(id)
    const changes = readChanges(body)
    const request = readBookingRequest({ ...booking.request, ...changes }, booking.offer)
    const isMoved = ['date', 'time', 'partySize'].some(field => field in changes)
    const slot = isMoved ? this.#slotFor(booking.offer, request, nowMs, id) : booking.slot
    return this.#keep({ ...booking, request: { ...request, type: slot.type }, slot, updatedAtMs: nowMs })
  }

  /** @throws BOOK-N-104 when it is cancelled already */
  cancel (id: string, nowMs: number): void {
    this.#keep({ ...this.#active(id), isCancelled: true, updatedAtMs: nowMs })
  }

  #active (id: string): Booking {
    const booking = this.find(id)
    if (booking.isCancelled) throw new BookableProblem('BOOK-N-104', `Booking ${id} was cancelled.`)
    return booking
  }

  #slotFor (offer: Offer, request: BookingRequest, nowMs: number, exceptId?: string): Slot {
    const slot = slotsOf(offer, request, this.seatings(offer, request.date, exceptId), nowMs).find(({ time }) => time === request.time)
    if (slot === undefined) {
      throw new BookableProblem('BOOK-N-102', `${offer.venue.name} has no table for ${request.partySize} at ${request.time} on ${request.date}.`)
    }
    return slot
  }

  #keep (booking: Booking): Booking {
    this.#bookings.set(booking.id, booking)
    return booking
  }
}

const STATUS_OF = { book: 'Confirmed', request: 'Pending' } as const satisfies Record<Slot['type'], string>

/** A booking as Bookable shows it. */
export function describeBooking ({ id, operatorBookingId, offer, request, channel, slot, isCancelled, createdAtMs, updatedAtMs }: Booking): object {
  const { venue, product } = offer
  return {
    id,
    operatorBookingId,
    status: isCancelled ? 'Cancelled' : STATUS_OF[slot.type],
    compositeId: product.compositeId,
    venueName: venue.name,
    venueGroupName: venue.venueGroupName,
    productName: product.productName,
    ...request,
    duration: slot.durationMin,
    deposit: product.depositPerGuest * request.partySize,
    ...channel,
    createdDate: isoTime(createdAtMs),
    lastUpdate: isoTime(updatedAtMs)
  }
}
