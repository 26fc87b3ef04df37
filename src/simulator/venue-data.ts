import { createHash } from 'node:crypto'
import { WEEKDAYS, type Weekday } from './calendar.ts'
import type { OpeningHours, Product, Venue } from './venues.ts'

type ProductPlan = Omit<Product, 'compositeId'>
interface VenuePlan extends Omit<Venue, 'id' | 'products'> {
  /** The operator's number and its table management system: how Bookable's ids begin. */
  readonly operator: string
  readonly products: readonly ProductPlan[]
}

function open (from: string, until: string, closed: readonly Weekday[] = []): readonly OpeningHours[] {
  return WEEKDAYS.filter(day => !closed.includes(day)).map(day => ({ day, open: from, close: until }))
}

const DINING: ProductPlan = {
  productName: 'Dining',
  servedFrom: '12:00',
  servedUntil: '22:30',
  durationMin: 90,
  covers: 40,
  maxPartySize: 12,
  instantUpTo: 8,
  depositPerGuest: 0,
  isPreorderRequired: false
}
const LUNCH: ProductPlan = { ...DINING, productName: 'Lunch', servedUntil: '15:30', covers: 24 }
const DINNER: ProductPlan = { ...DINING, productName: 'Dinner', servedFrom: '17:00', durationMin: 120, covers: 30 }
const AFTERNOON_TEA: ProductPlan = { ...LUNCH, productName: 'Afternoon Tea', servedFrom: '14:00', servedUntil: '17:30', depositPerGuest: 10 }
const BOTTOMLESS_BRUNCH: ProductPlan = { ...LUNCH, productName: 'Bottomless Brunch', servedFrom: '11:00', servedUntil: '16:00', depositPerGuest: 15 }
const SUNDAY_FEAST: ProductPlan = { ...LUNCH, productName: 'Sharing Feast', maxPartySize: 20, isPreorderRequired: true }
// Every party asks first: the venue confirms private rooms by hand.
const PRIVATE_ROOM: ProductPlan = { ...DINNER, productName: 'Private Dining Room', durationMin: 180, covers: 24, maxPartySize: 24, instantUpTo: 0, depositPerGuest: 25 }

const POLICY = 'Tables are held for 15 minutes. Please tell us of any allergy.'
const FREE_CANCELLATION = 'Free of charge until 24 hours before the booking.'
const NO_PREORDERS = { packages: [], menus: [] }

const PLANS: readonly VenuePlan[] = [
  {
    operator: '29|CO',
    name: 'Dishoom Covent Garden',
    venueGroupName: 'Dishoom',
    address: { street: "Upper St Martin's Lane", city: 'London', postcode: 'WC2H 9FB', country: 'GB' },
    features: ['asian', 'vegetarian', 'lively', 'family_friendly', 'wheelchair_accessible', 'wifi'],
    openingHours: open('08:00', '23:00'),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [DINING, PRIVATE_ROOM]
  },
  {
    operator: '29|CO',
    name: "Dishoom King's Cross",
    venueGroupName: 'Dishoom',
    address: { street: 'Stable Street', city: 'London', postcode: 'N1C 4AB', country: 'GB' },
    features: ['asian', 'vegetarian', 'lively', 'family_friendly', 'wifi'],
    openingHours: open('08:00', '23:00'),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [LUNCH, DINNER]
  },
  {
    operator: '31|SR',
    name: 'The Copper Lantern',
    venueGroupName: 'Lantern & Oak',
    address: { street: '18 Exmouth Market', city: 'London', postcode: 'EC1R 4QE', country: 'GB' },
    features: ['romantic', 'quiet', 'seafood', 'wheelchair_accessible'],
    openingHours: open('12:00', '23:00', ['Monday']),
    policy: POLICY,
    cancellationPolicy: 'The deposit is kept for cancellations within 48 hours.',
    preorders: NO_PREORDERS,
    products: [LUNCH, { ...DINNER, depositPerGuest: 20 }]
  },
  {
    operator: '31|SR',
    name: 'The Hollow Oak',
    venueGroupName: 'Lantern & Oak',
    address: { street: '4 Columbia Road', city: 'London', postcode: 'E2 7NN', country: 'GB' },
    features: ['dog_friendly', 'casual', 'family_friendly', 'wifi', 'tv_sports'],
    openingHours: open('11:00', '23:30'),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: {
      packages: [{ id: 'feast-cider', name: 'Jug of cider', price: 18.5, type: 'drink' }],
      menus: [{ id: 'feast-beef', name: 'Rib of beef for the table', price: 32 }, { id: 'feast-squash', name: 'Stuffed squash for the table (VG)', price: 24 }]
    },
    products: [DINING, SUNDAY_FEAST]
  },
  {
    operator: '34|RD',
    name: 'Trattoria Marcella',
    venueGroupName: 'Marcella Restaurants',
    address: { street: '71 Bermondsey Street', city: 'London', postcode: 'SE1 3XF', country: 'GB' },
    features: ['italian', 'casual', 'family_friendly', 'dog_friendly', 'wifi'],
    openingHours: open('12:00', '22:30', ['Sunday', 'Monday']),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [DINING]
  },
  {
    operator: '34|RD',
    name: 'Marcella al Mare',
    venueGroupName: 'Marcella Restaurants',
    address: { street: '9 Kings Road Arches', city: 'Brighton', postcode: 'BN1 2LN', country: 'GB' },
    features: ['italian', 'seafood', 'dog_friendly', 'lively'],
    openingHours: open('12:00', '22:00', ['Tuesday']),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [LUNCH, DINNER]
  },
  {
    operator: '36|CO',
    name: 'The Palm Court at the Ferrers',
    venueGroupName: 'Ferrers Hotels',
    address: { street: '1 Ferrers Place', city: 'London', postcode: 'W1K 2HP', country: 'GB' },
    features: ['romantic', 'quiet', 'live_music', 'wheelchair_accessible', 'parking', 'wifi'],
    openingHours: open('12:00', '22:30'),
    policy: 'Smart dress. Tables are held for 15 minutes.',
    cancellationPolicy: 'The deposit is kept for cancellations within 48 hours.',
    preorders: { packages: [{ id: 'tea-champagne', name: 'Glass of champagne', price: 16, type: 'drink' }], menus: [] },
    products: [AFTERNOON_TEA, { ...DINNER, depositPerGuest: 20 }]
  },
  {
    operator: '41|SR',
    name: 'Night Parrot',
    venueGroupName: 'Parrot Bars',
    address: { street: '22 Mint Street', city: 'Manchester', postcode: 'M4 1LE', country: 'GB' },
    features: ['lively', 'live_music', 'karaoke', 'pool_table', 'wifi'],
    openingHours: open('11:00', '23:30', ['Monday', 'Tuesday']),
    policy: 'Over 18 only after 20:00.',
    cancellationPolicy: FREE_CANCELLATION,
    preorders: { packages: [{ id: 'parrot-prosecco', name: 'Prosecco on arrival', price: 8.5, type: 'drink' }], menus: [] },
    products: [BOTTOMLESS_BRUNCH, { ...DINNER, durationMin: 90 }]
  },
  {
    operator: '41|SR',
    name: 'Day Parrot',
    venueGroupName: 'Parrot Bars',
    address: { street: '3 Harbourside Walk', city: 'Bristol', postcode: 'BS1 5DB', country: 'GB' },
    features: ['casual', 'dog_friendly', 'vegetarian', 'wifi', 'wheelchair_accessible'],
    openingHours: open('09:00', '18:00'),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [BOTTOMLESS_BRUNCH, LUNCH]
  },
  {
    operator: '52|DM',
    name: 'Sakura & Smoke',
    venueGroupName: 'Sakura & Smoke',
    address: { street: '140 Brewer Street', city: 'London', postcode: 'W1F 9RT', country: 'GB' },
    features: ['asian', 'seafood', 'romantic', 'quiet'],
    openingHours: open('17:00', '23:00', ['Sunday']),
    policy: 'Counter seats only. One menu for the whole party.',
    cancellationPolicy: 'The deposit is kept for cancellations within 72 hours.',
    preorders: NO_PREORDERS,
    products: [{ ...DINNER, productName: 'Omakase Counter', covers: 8, maxPartySize: 4, instantUpTo: 4, depositPerGuest: 50 }]
  },
  {
    operator: '55|RD',
    name: 'The Fishmarket Arms',
    venueGroupName: 'Fishmarket Inns',
    address: { street: '6 Shore Place', city: 'Edinburgh', postcode: 'EH6 6QN', country: 'GB' },
    features: ['seafood', 'dog_friendly', 'casual', 'tv_sports', 'parking'],
    openingHours: open('12:00', '23:00'),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [DINING]
  },
  {
    operator: '58|CO',
    name: 'Green Room Kitchen',
    venueGroupName: 'Green Room',
    address: { street: '88 Call Lane', city: 'Leeds', postcode: 'LS1 6DT', country: 'GB' },
    features: ['vegetarian', 'casual', 'family_friendly', 'wheelchair_accessible', 'wifi'],
    openingHours: open('10:00', '22:00', ['Monday']),
    policy: POLICY,
    cancellationPolicy: FREE_CANCELLATION,
    preorders: NO_PREORDERS,
    products: [LUNCH, DINNER]
  }
]

/** 32 hex digits that are the same in every run, so that a curl line in a document goes on working. */
function stableId (name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32)
}

/** The dozen venues of this Bookable. The first is open every day and serves its first product at 19:00 on each. */
export function createVenues (): readonly Venue[] {
  return PLANS.map(({ operator, products, ...plan }) => {
    const id = stableId(plan.name)
    return {
      ...plan,
      id,
      products: products.map(product => ({ ...product, compositeId: `${operator}|${id}|${stableId(`${plan.name}/${product.productName}`)}` }))
    }
  })
}
