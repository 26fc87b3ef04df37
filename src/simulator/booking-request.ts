import { MAX_PARTY_SIZE } from './availability.ts'
import { calendarDate, clockTime, email, integer, invalid, isRecord, oneOf, optional, phone, readFields, text, type Field, type Fields } from './fields.ts'
import type { FieldError } from './problems.ts'
import type { Offer, PreorderItem } from './venues.ts'

const preorders: Field<Record<string, unknown>> = {
  expected: 'an object with packages and menus',
  parse: value => isRecord(value) ? value : undefined
}

const BOOKING_FIELDS = {
  firstName: text(1, 100),
  lastName: text(1, 100),
  partySize: integer(1, MAX_PARTY_SIZE, 'json'),
  date: calendarDate,
  time: clockTime,
  type: oneOf(['book', 'request']),
  email,
  phone,
  notes: optional(text(0, 1000), null),
  preorders: optional(preorders, null)
}

const BOOKING_HEADERS = {
  'x-booking-source': optional(oneOf(['email', 'phone', 'api', 'webhook', 'js-tag', 'chatbot', 'puller', 'portal']), 'api'),
  'x-partner-reference': optional(text(1, 200), null)
}

/** Everything a guest gives to book; fields that Bookable does not know are ignored. */
export type BookingRequest = Fields<typeof BOOKING_FIELDS>

/** Through whom a booking came. */
export interface BookingChannel { readonly bookingSource: string, readonly partnerReference: string | null }

/**
 * The body of a booking, checked against what its venue cooks.
 * @throws BOOK-N-101 with every field that is wrong
 */
export function readBookingRequest (body: unknown, offer: Offer): BookingRequest {
  const request = readFields(BOOKING_FIELDS, body, 'BOOK-N-101')
  const errors = preorderErrors(request.preorders, offer)
  if (errors.length > 0) throw invalid('BOOK-N-101', errors)
  return request
}

/**
 * X-Booking-Source, `api` where it is not sent, and X-Partner-Reference.
 * @throws BOOK-N-101 for a source that Bookable does not know
 */
export function readBookingChannel (headers: unknown): BookingChannel {
  const read = readFields(BOOKING_HEADERS, headers, 'BOOK-N-101')
  return { bookingSource: read['x-booking-source'], partnerReference: read['x-partner-reference'] }
}

const CHANGEABLE: readonly string[] = ['firstName', 'lastName', 'partySize', 'date', 'time', 'email', 'phone', 'notes', 'preorders']

/**
 * The new values of a change: a JSON Patch (RFC 6902: add, replace and remove of whole fields), as Bookable documents it,
 * or simply an object with the fields to change.
 * @throws BOOK-N-101 when the change cannot be read or touches what cannot be changed
 */
export function readChanges (body: unknown): Readonly<Record<string, unknown>> {
  const changes = Array.isArray(body) ? Object.fromEntries(body.map(readOperation)) : body
  if (!isRecord(changes) || Object.keys(changes).length === 0) {
    throw invalid('BOOK-N-101', [{ field: 'body', message: 'must be a JSON Patch or an object with the fields to change' }])
  }
  const errors = Object.keys(changes).filter(field => !CHANGEABLE.includes(field)).map(field => ({ field, message: 'cannot be changed' }))
  if (errors.length > 0) throw invalid('BOOK-N-101', errors)
  return changes
}

function readOperation (operation: unknown): [field: string, value: unknown] {
  if (isRecord(operation) && typeof operation['path'] === 'string' && operation['path'].startsWith('/')) {
    const field = operation['path'].slice(1)
    if (operation['op'] === 'remove') return [field, null]
    if (operation['op'] === 'add' || operation['op'] === 'replace') return [field, operation['value'] ?? null]
  }
  throw invalid('BOOK-N-101', [{ field: 'body', message: 'must hold operations add, replace or remove with the path of a field' }])
}

function preorderErrors (preorders: Record<string, unknown> | null, { venue, product }: Offer): readonly FieldError[] {
  if (preorders === null) {
    return product.isPreorderRequired ? [{ field: 'preorders', message: `must be given: ${product.productName} is cooked to order` }] : []
  }
  return (['packages', 'menus'] as const)
    .filter(kind => !areOrdered(preorders[kind] ?? [], venue.preorders[kind]))
    .map(kind => ({ field: `preorders.${kind}`, message: 'must be a list of {id, quantity} with ids of the venue' }))
}

function areOrdered (ordered: unknown, catalogue: readonly PreorderItem[]): boolean {
  return Array.isArray(ordered) && ordered.every(line => isRecord(line) &&
    catalogue.some(({ id }) => id === line['id']) &&
    Number.isInteger(line['quantity']) && Number(line['quantity']) > 0)
}
