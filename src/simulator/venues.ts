import type { Weekday } from './calendar.ts'
import { integer, optional, readFields, text, type Field } from './fields.ts'
import { BookableProblem } from './problems.ts'

/** One day's hours, venue-local `HH:mm`; a weekday without an entry is a day off. */
export interface OpeningHours { readonly day: Weekday, readonly open: string, readonly close: string }

/** Something a guest can order with the booking; a price is pounds per piece. */
export interface PreorderItem { readonly id: string, readonly name: string, readonly price: number, readonly type?: 'drink' | 'food' }

/** One thing to book at a venue: what the composite id stands for. */
export interface Product {
  readonly compositeId: string
  readonly productName: string
  readonly servedFrom: string
  readonly servedUntil: string
  readonly durationMin: number
  /** Seats that Bookable may fill at any one moment. */
  readonly covers: number
  readonly maxPartySize: number
  /** Parties up to this size are confirmed at once; larger ones are requests, which the venue answers. */
  readonly instantUpTo: number
  /** Pounds. */
  readonly depositPerGuest: number
  readonly isPreorderRequired: boolean
}

/** A restaurant. */
export interface Venue {
  readonly id: string
  readonly name: string
  readonly venueGroupName: string
  readonly address: { readonly street: string, readonly city: string, readonly postcode: string, readonly country: 'GB' }
  readonly features: readonly string[]
  readonly openingHours: readonly OpeningHours[]
  readonly policy: string
  readonly cancellationPolicy: string
  readonly preorders: { readonly packages: readonly PreorderItem[], readonly menus: readonly PreorderItem[] }
  readonly products: readonly Product[]
}

/** A product together with the venue that offers it. */
export interface Offer { readonly venue: Venue, readonly product: Product }

const features: Field<readonly string[]> = {
  expected: '1 to 10 features, separated by commas',
  parse (value) {
    const names = [value].flat().flatMap(part => typeof part === 'string' ? part.split(',') : ['']).map(name => name.trim().toLowerCase())
    return names.length <= 10 && !names.includes('') ? names : undefined
  }
}

const VENUE_QUERY = {
  page: optional(integer(1, 100_000, 'query'), 1),
  pageSize: optional(integer(1, 100, 'query'), 10),
  venueName: optional(text(2, 100), ''),
  venueGroupName: optional(text(2, 100), ''),
  features: optional(features, [])
}

/**
 * One page of the venues that match every filter of the query; a page past the last one is empty.
 * @throws VENUE-N-101 when the query cannot be read
 */
export function listVenues (venues: readonly Venue[], query: unknown): object {
  const { page, pageSize, venueName, venueGroupName, features } = readFields(VENUE_QUERY, query, 'VENUE-N-101')
  const found = venues.filter(venue => contains(venue.name, venueName) &&
    contains(venue.venueGroupName, venueGroupName) &&
    features.every(feature => venue.features.includes(feature)))
  return {
    data: found.slice((page - 1) * pageSize, page * pageSize).map(describeVenue),
    meta: { page, pageSize, totalItems: found.length, totalPages: Math.ceil(found.length / pageSize) }
  }
}

/**
 * The venue of an id.
 * @throws VENUE-N-102 when there is none
 */
export function findVenue (venues: readonly Venue[], venueId: string): Venue {
  const venue = venues.find(({ id }) => id === venueId)
  if (venue === undefined) throw new BookableProblem('VENUE-N-102', `There is no venue ${venueId}.`)
  return venue
}

/**
 * The product of a composite id, and its venue.
 * @throws AVAIL-N-001 when there is none
 */
export function findOffer (venues: readonly Venue[], compositeId: string): Offer {
  for (const venue of venues) {
    const product = venue.products.find(product => product.compositeId === compositeId)
    if (product !== undefined) return { venue, product }
  }
  throw new BookableProblem('AVAIL-N-001', `There is no product ${compositeId}.`)
}

/** A venue as Bookable shows it. What the kitchen can seat stays inside: that is what availability is asked for. */
export function describeVenue ({ id, name, venueGroupName, address, features, openingHours, preorders, products }: Venue): object {
  return {
    id,
    name,
    venueGroupName,
    address,
    features,
    openingHours,
    preorders,
    // No feed is made here; Bookable says null for a product that has none yet.
    products: products.map(({ compositeId, productName, isPreorderRequired }) => ({ compositeId, productName, feedUrl: null, preOrderRequired: isPreorderRequired }))
  }
}

function contains (text: string, part: string): boolean {
  return text.toLowerCase().includes(part.trim().toLowerCase())
}
